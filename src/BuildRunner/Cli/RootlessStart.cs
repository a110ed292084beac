using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Hosting;
using BuildRunner.Settings;

namespace BuildRunner.Cli;

/// <summary>Before a verb uses the embedded engine for an ordinary user: where the host allows it, the process begins anew as root of a namespace of its own.</summary>
internal static class RootlessStart
{
    /// <summary>Does nothing for root, for other engines, and for a process that is there already.</summary>
    /// <param name="settings">The settings of this process.</param>
    /// <param name="host">What it may touch.</param>
    /// <param name="required">True: the verb runs containers. False: it goes on as it is where the host does not allow it.</param>
    /// <exception cref="CliException">The host lacks something; each piece is named.</exception>
    public static void Enter(EffectiveSettings settings, CliHost host, bool required)
    {
        if (settings.Required(SettingKeys.EngineKind) != "oci" || Environment.IsPrivilegedProcess)
        {
            return;
        }

        var account = RootlessAccount.OfThisUser();
        if (RootlessAccount.ProblemOf(account.Needed()) is not { } problem)
        {
            RootlessReexec.Enter(account, StateRoot(settings, host));
        }
        else if (required)
        {
            throw new CliException(
                ExitCode.Error, $"{Environment.UserName} is not root, and this host lacks what an ordinary user's containers need: {problem}. Or use sudo, or a Docker or Podman engine with --engine docker");
        }
    }

    private static string StateRoot(EffectiveSettings settings, CliHost host)
    {
        var key = SettingKeys.All.First(k => k.Name == SettingKeys.EngineStateDir);
        var named = settings.Required(SettingKeys.EngineStateDir);
        var root = named != key.Default ? Path.GetFullPath(named, host.Directory)
            : host.Environment.GetValueOrDefault("XDG_RUNTIME_DIR") is ['/', ..] session && Directory.Exists(session) ? Path.Combine(session, "buildrunner", "engine")
            : Path.Combine(StandardFolders.State(host.Environment), "engine");
        return !root.Contains(':', StringComparison.Ordinal)
            ? root
            : throw new CliException(ExitCode.Usage, $"the engine's state directory {root} must not have a ':' in its path; name another one with {SettingKeys.EngineStateDir}");
    }
}
