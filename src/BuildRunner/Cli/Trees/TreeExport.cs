namespace BuildRunner.Cli.Trees;

/// <summary>Copies what changed in a tree to a directory (<c>--out</c>).</summary>
/// <remarks>
/// What the steps made decides the names, and some of it are links: below the destination none is followed, wherever it comes from, this
/// run or one before it. A link or file where a directory must be gives way to it.
/// </remarks>
internal static class TreeExport
{
    /// <summary>Lists what is gone, one path a line; only there if something is.</summary>
    public const string DeletedFile = ".buildrunner.deleted";

    /// <summary>Copies added and changed files, with their rights but not their owners; writes the list of deleted ones.</summary>
    /// <param name="before">The tree as it was.</param>
    /// <param name="after">The tree as it is.</param>
    /// <param name="destination">Where to; made if it is not there.</param>
    /// <param name="since">When the changes began.</param>
    /// <returns>One line for a person.</returns>
    public static string Copy(string before, string after, string destination, DateTimeOffset since)
    {
        // Known before the first copy: the destination may lie in the tree.
        var changes = TreeChanges.Between(before, after, since);
        Directory.CreateDirectory(destination);
        foreach (var path in changes.Added.Concat(changes.Changed))
        {
            MakeParents(destination, path);
            CopyEntry(Path.Combine(after, path), Path.Combine(destination, path));
        }

        if (changes.Deleted.Count > 0)
        {
            WriteDeleted(Path.Combine(destination, DeletedFile), changes.Deleted);
        }

        return Describe(changes, destination);
    }

    private static string Describe(TreeChanges changes, string destination)
    {
        var skipped = changes.Skipped.Count > 0 ? $", {changes.Skipped.Count} {(changes.Skipped.Count == 1 ? "pipe or socket" : "pipes or sockets")} left out" : "";
        var deleted = changes.Deleted.Count > 0 ? $", {changes.Deleted.Count} deleted (listed in {DeletedFile})" : "";
        return $"{changes.Added.Count} added, {changes.Changed.Count} changed{deleted}{skipped}: {destination}";
    }

    private static void MakeParents(string destination, string path)
    {
        for (var end = path.IndexOf('/', StringComparison.Ordinal); end >= 0; end = path.IndexOf('/', end + 1))
        {
            var parent = Path.Combine(destination, path[..end]);
            MakeWay(parent);
            Directory.CreateDirectory(parent);
        }
    }

    private static void MakeWay(string target)
    {
        if (FileKinds.Of(target) is FileKind.File or FileKind.Link or FileKind.Other)
        {
            File.Delete(target);
        }
    }

    private static void WriteDeleted(string target, IReadOnlyList<string> deleted)
    {
        MakeWay(target);
        using var file = new StreamWriter(new FileStream(target, FileMode.CreateNew, FileAccess.Write));
        foreach (var path in deleted)
        {
            file.WriteLine(path);
        }
    }

    private static void CopyEntry(string source, string target)
    {
        MakeWay(target);
        switch (FileKinds.Of(source))
        {
            case FileKind.Link:
                File.CreateSymbolicLink(target, new FileInfo(source).LinkTarget!);
                break;
            case FileKind.Directory:
                Directory.CreateDirectory(target);
                break;
            case FileKind.File:
                File.Copy(source, target);
                File.SetUnixFileMode(target, File.GetUnixFileMode(source) & ~(UnixFileMode.SetUser | UnixFileMode.SetGroup | UnixFileMode.StickyBit) | UnixFileMode.UserRead | UnixFileMode.UserWrite);
                break;
        }
    }
}
