namespace BuildRunner.Agent.Steps;

/// <summary>Paths of this host that a pipeline names.</summary>
internal static class HostPath
{
    // As the kernel's own limit.
    private const int MaxLinks = 40;

    /// <summary>The path with every link in it replaced by where it leads; parts that do not exist stay as they are.</summary>
    /// <param name="path">Absolute, without <c>.</c> and <c>..</c>.</param>
    public static string WithoutLinks(string path)
    {
        var rest = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var at = "/";
        for (var links = 0; rest.TryPop(out var part);)
        {
            var next = Path.GetFullPath(Path.Combine(at, part));
            if (links < MaxLinks && new FileInfo(next).LinkTarget is { } target)
            {
                links++;
                at = target.StartsWith('/') ? "/" : at;
                foreach (var piece in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                {
                    rest.Push(piece);
                }
            }
            else
            {
                at = next;
            }
        }

        return at;
    }

    /// <summary>Whether a path is a directory or lies in it; both without links.</summary>
    public static bool IsAtOrBelow(string path, string directory) =>
        path == directory || path.StartsWith(directory.TrimEnd('/') + "/", StringComparison.Ordinal);
}
