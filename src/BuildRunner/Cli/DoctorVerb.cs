using System.CommandLine;
using BuildRunner.Cli.Output;
using BuildRunner.Containers.Engine;
using BuildRunner.Hosting;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Secrets;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary><c>doctor</c>: whether this machine can run pipelines, one line for each thing that was checked, with a remedy.</summary>
internal static class DoctorVerb
{
    // Less than this and a build of any size ends for lack of space.
    private const long FewBytes = 5L << 30;

    // The engines that run something.
    private static readonly string[] Kinds = ["oci", "docker"];

    public static Command Create(CliHost host, GlobalOptions globals)
    {
        var command = new Command("doctor", "check whether this machine can run pipelines");
        command.SetAction(async (parsed, token) =>
        {
            var here = globals.Apply(parsed, host);
            var settings = globals.SettingsOf(parsed, here);
            here.ReexecRootless?.Invoke(settings, here, false);
            var chosen = settings.Required(SettingKeys.EngineKind);
            await using var engine = here.NewEngine(settings, here);
            var readiness = await engine.ProbeAsync(token);
            var others = new List<ReadinessCheck>();
            foreach (var kind in Kinds.Where(k => k != chosen))
            {
                others.Add(await OtherAsync(kind, settings, here, token));
            }

            here.Print(Text([.. readiness.Checks, Disk(here.Directory), .. others, .. await GitHubAsync(settings, here, token)], globals.OutputStyleOf(parsed, here)));
            return (int)(readiness.Usable ? ExitCode.Success : ExitCode.Error);
        });
        return command;
    }

    /// <summary>The checks, one line each: sign, name, what was found, and behind an arrow what to do.</summary>
    public static string Text(IReadOnlyList<ReadinessCheck> checks, Style style)
    {
        var width = checks.Max(c => c.Name.Length);
        var arrow = style.Unicode ? "→" : "->";
        return string.Concat(checks.Select(c => $"{Sign(c.Status, style)} {c.Name.PadRight(width)}  {c.Detail}{(c.Remedy is null ? "" : $" {arrow} {c.Remedy}")}\n"));
    }

    /// <summary>Whether an engine that was not chosen could be, in one line.</summary>
    private static async Task<ReadinessCheck> OtherAsync(string kind, EffectiveSettings settings, CliHost host, CancellationToken cancellationToken)
    {
        await using var engine = host.NewEngine(settings.With(SettingKeys.EngineKind, kind, "doctor"), host);
        var readiness = await engine.ProbeAsync(cancellationToken);
        var why = readiness.Checks.FirstOrDefault(c => c.Status == ReadinessStatus.Failed)
            ?? readiness.Checks.FirstOrDefault(c => c.Name == "version")
            ?? readiness.Checks[0];
        return readiness.Usable
            ? new ReadinessCheck(kind, ReadinessStatus.Ok, $"can be used too: {why.Detail}", $"--engine {kind}")
            : new ReadinessCheck(kind, ReadinessStatus.Warning, $"cannot be used: {why.Detail}", why.Remedy);
    }

    // On the server's machine: GitHub as its settings have it; elsewhere there is nothing to say.
    private static async Task<IEnumerable<ReadinessCheck>> GitHubAsync(EffectiveSettings settings, CliHost host, CancellationToken cancellationToken)
    {
        var problems = new List<string>();
        var options = TriggerPlan.GitHub(settings, problems);
        if (problems.Count > 0)
        {
            return [new ReadinessCheck("GitHub", ReadinessStatus.Failed, string.Join("; ", problems))];
        }

        var publicUrl = Uri.TryCreate(settings.Text(ServerKeys.PublicUrl), UriKind.Absolute, out var url) ? url : null;
        var secret = settings.List(TriggerKeys.GitHubWebhookSecret).Count > 0;
        try
        {
            if (options.AppId is null && await ServerStore.GitHubAppAsync(settings, host, cancellationToken) is { } made)
            {
                (options, secret) = (options with { AppId = made.Id, PrivateKey = made.PrivateKey }, secret || made.WebhookSecret is not null);
            }
        }
        catch (Exception e) when (e is System.Data.Common.DbException or SettingsException or SecretException)
        {
            return [new ReadinessCheck("GitHub", ReadinessStatus.Warning, $"whether an app was made at this server's page cannot be read: {e.Message}")];
        }

        using var health = new GitHubHealth(options, publicUrl, secret, host.Time);
        return (await health.LookAsync(cancellationToken)).Select(f => new ReadinessCheck(f.Name, f.Level switch
        {
            FindingLevel.Fine => ReadinessStatus.Ok,
            FindingLevel.Warning => ReadinessStatus.Warning,
            _ => ReadinessStatus.Failed,
        }, f.Detail, f.Remedy));
    }

    private static string Sign(ReadinessStatus status, Style style) => status switch
    {
        ReadinessStatus.Ok => style.Green(style.Unicode ? "✓" : "ok"),
        ReadinessStatus.Warning => style.Warning,
        _ => style.Red(style.Unicode ? "✗" : "x"),
    };

    private static ReadinessCheck Disk(string directory)
    {
        var free = new DriveInfo(directory).AvailableFreeSpace;
        var found = $"{free / (double)(1L << 30):0.0} GiB free at {directory}";
        return free >= FewBytes
            ? new ReadinessCheck("disk", ReadinessStatus.Ok, found)
            : new ReadinessCheck("disk", ReadinessStatus.Warning, found, "remove what is not needed; 'buildrunner image rm' removes images");
    }
}
