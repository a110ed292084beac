using BuildRunner.Containers.Engine.Oci;

namespace BuildRunner.Hosting;

/// <summary>Where things are kept when no setting says so: the system's folders for root, the user's own otherwise.</summary>
internal static class StandardFolders
{
    /// <summary>What has to outlive a restart: <c>/var/lib/buildrunner</c>, or below <c>XDG_STATE_HOME</c>.</summary>
    public static string State(IReadOnlyDictionary<string, string> environment) => Of(environment, "/var/lib/buildrunner", "XDG_STATE_HOME", ".local/state");

    /// <summary>What an administrator writes: <c>/etc/buildrunner</c>, or below <c>XDG_CONFIG_HOME</c>.</summary>
    public static string Configuration(IReadOnlyDictionary<string, string> environment) => Of(environment, "/etc/buildrunner", "XDG_CONFIG_HOME", ".config");

    private static string Of(IReadOnlyDictionary<string, string> environment, string system, string variable, string below)
    {
        if (RootlessUser.IsRootOfHost)
        {
            return system;
        }

        var home = environment.GetValueOrDefault("HOME") is { Length: > 0 } set ? set : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return Path.Combine(environment.GetValueOrDefault(variable) is ['/', ..] absolute ? absolute : Path.Combine(home, below), "buildrunner");
    }
}
