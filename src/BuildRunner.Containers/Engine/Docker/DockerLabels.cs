namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Labels by which we find again what we made on an engine.</summary>
internal static class DockerLabels
{
    /// <summary>On everything of ours; the value is the version of these labels.</summary>
    public const string Managed = "io.buildrunner.managed";

    /// <summary><see cref="GroupSpec.Owner"/>.</summary>
    public const string Owner = "io.buildrunner.owner";

    /// <summary><see cref="GroupSpec.Id"/>.</summary>
    public const string Group = "io.buildrunner.group";

    /// <summary>The container's name in its group.</summary>
    public const string Container = "io.buildrunner.container";

    /// <summary>The host whose process made it: only there can be told whether that process lives.</summary>
    public const string Host = "io.buildrunner.host";

    /// <summary>The file whose lock its maker holds while it lives.</summary>
    public const string Lock = "io.buildrunner.lock";

    /// <summary>Where the group's written files lie on the maker's host.</summary>
    public const string Scratch = "io.buildrunner.scratch";

    /// <summary>On the image of a kept container: its id.</summary>
    public const string Kept = "io.buildrunner.kept";

    /// <summary>The labels of everything that belongs to a group.</summary>
    public static Dictionary<string, string> OfGroup(GroupSpec spec, GroupDirectories directories)
    {
        var labels = new Dictionary<string, string>(spec.Labels)
        {
            [Managed] = "1",
            [Owner] = spec.Owner,
            [Group] = spec.Id,
            [Host] = ThisHost,
            [Lock] = directories.LockFile,
            [Scratch] = directories.Scratch,
        };
        return labels;
    }

    /// <summary>This host, the same after a restart of it.</summary>
    public static string ThisHost { get; } = ReadHost();

    private static string ReadHost()
    {
        try
        {
            return File.ReadAllText("/etc/machine-id").Trim() is { Length: > 0 } id ? id : Environment.MachineName;
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            // A host without one is told apart by its name.
            return Environment.MachineName;
        }
    }
}
