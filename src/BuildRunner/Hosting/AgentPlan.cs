using BuildRunner.Agent;
using BuildRunner.Cli;
using BuildRunner.Containers.Engine;
using BuildRunner.Settings;

namespace BuildRunner.Hosting;

/// <summary>What an agent is by its settings.</summary>
internal static class AgentPlan
{
    private const int LongestName = 64;

    /// <summary>The options of an agent with a process of its own.</summary>
    /// <exception cref="CliException">A setting is missing or wrong.</exception>
    public static AgentHostOptions Of(EffectiveSettings settings, CliHost host, string? token, bool once)
    {
        var server = settings.Text(AgentKeys.Server)
            ?? throw new CliException(ExitCode.Usage, "an agent needs the address of its server: --server URL or the setting Agent:Server");
        if (!Uri.TryCreate(server, UriKind.Absolute, out var address))
        {
            throw new CliException(ExitCode.Usage, $"Agent:Server '{server}' is no address; it looks like https://ci.example.com");
        }

        if (settings.List(AgentKeys.Labels).Count > 0)
        {
            throw new CliException(
                ExitCode.Usage, $"{AgentKeys.Labels} is for the agent in the server's process only: what other agents may take the server decides. Make the token with the labels: buildrunner agent token --label KEY=VALUE");
        }

        // Paths of the contract are joined to it as they are.
        var options = Of(settings, host, address) with { Token = token ?? settings.Text(AgentKeys.Token), Once = once };
        return options.Problems() is { Count: > 0 } problems ? throw new CliException(ExitCode.Usage, string.Join("; ", problems)) : options;
    }

    /// <summary>The options that an agent in the server's process has too.</summary>
    public static AgentHostOptions Of(EffectiveSettings settings, CliHost host, Uri server) => new()
    {
        Server = server,
        WorkDirectory = WorkDirectoryOf(settings, host),
        Name = settings.Text(AgentKeys.Name) ?? NameOfMachine(),
        Slots = (int?)settings.Number(AgentKeys.Slots) ?? Math.Max(1, Environment.ProcessorCount / 2),
        MinFreeDisk = settings.Size(AgentKeys.MinFreeDisk) ?? 0,
        DrainGrace = settings.Duration(AgentKeys.DrainGrace) ?? TimeSpan.Zero,
        CloneImage = settings.Text(AgentKeys.CloneImage),
        AllowedSources = settings.List(AgentKeys.LocalRepositories),
        KnownHosts = PathOf(settings.Text(ServerKeys.KnownHosts), host),
        CertificateAuthorities = PathOf(settings.Text(ServerKeys.CertificateAuthorities), host),
        AllowPrivileged = settings.Flag(SettingKeys.EngineAllowPrivileged),
        AllowImageBuilds = settings.Flag(AgentKeys.AllowImageBuilds),
        AllowedVolumes = settings.List(SettingKeys.EngineAllowedVolumes),
        AllowedDevices = settings.List(SettingKeys.EngineAllowedDevices),
        AllowedRootFileSystems = settings.List(SettingKeys.EngineAllowedRootFileSystems),
        DefaultLimits = new ResourceLimits(
            settings.Size(SettingKeys.EngineDefaultMemory),
            settings.Number(SettingKeys.EngineDefaultCpus),
            (int?)settings.Number(SettingKeys.EnginePidsLimit)),
        Hardened = settings.Required(SettingKeys.EngineHardened) switch { "always" => HardenedRuns.Always, "strangers" => HardenedRuns.Strangers, _ => HardenedRuns.Never },
        MostDiskBytes = settings.Size(SettingKeys.EngineWorkflowDisk),
    };

    /// <summary>The labels of the agent in the server's process.</summary>
    /// <exception cref="CliException">One of them is none.</exception>
    public static IReadOnlyDictionary<string, string> LabelsOf(EffectiveSettings settings)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var text in settings.List(AgentKeys.Labels))
        {
            if (text.Split('=', 2) is not [{ Length: > 0 } key, { Length: > 0 } value] || !labels.TryAdd(key.Trim(), value.Trim()))
            {
                throw new CliException(ExitCode.Usage, $"{AgentKeys.Labels}: '{text}' is no label, or there twice; labels look like gpu=yes,region=eu");
            }
        }

        return labels;
    }

    private static string WorkDirectoryOf(EffectiveSettings settings, CliHost host) =>
        settings.Text(AgentKeys.WorkDir) is { } path ? Path.GetFullPath(path, host.Directory) : Path.Combine(StandardFolders.State(host.Environment), "agent");

    private static string? PathOf(string? path, CliHost host) => path is null ? null : Path.GetFullPath(path, host.Directory);

    private static string NameOfMachine()
    {
        var name = string.Concat(Environment.MachineName.Where(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_').Take(LongestName));
        return name.Length > 0 ? name : "agent";
    }
}
