using BuildRunner.Containers.Engine.Oci;

namespace BuildRunner.Cli.LocalRuns;

/// <summary>Where what outlives a command lies: <c>/var/lib/buildrunner</c> for root, a user's own state directory otherwise.</summary>
internal static class StateDirectory
{
    /// <summary>A directory in it; nothing is made.</summary>
    public static string Of(CliHost host, string name) => Path.Combine(Root(host), name);

    private static string Root(CliHost host)
    {
        if (RootlessUser.IsRootOfHost)
        {
            return "/var/lib/buildrunner";
        }

        var home = host.Environment.GetValueOrDefault("HOME") is { Length: > 0 } set ? set : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var state = host.Environment.GetValueOrDefault("XDG_STATE_HOME") is ['/', ..] absolute ? absolute : Path.Combine(home, ".local", "state");
        return Path.Combine(state, "buildrunner");
    }
}
