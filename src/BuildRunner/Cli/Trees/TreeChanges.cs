namespace BuildRunner.Cli.Trees;

/// <summary>What differs between a tree and a later form of it. Links are compared as links and never followed.</summary>
/// <param name="Added">New files, links and empty directories; relative paths.</param>
/// <param name="Changed">Files and links with other content, kind or rights.</param>
/// <param name="Deleted">What is gone; of a directory only the directory itself.</param>
/// <param name="Skipped">Pipes, sockets and devices, which are not copied.</param>
internal sealed record TreeChanges(IReadOnlyList<string> Added, IReadOnlyList<string> Changed, IReadOnlyList<string> Deleted, IReadOnlyList<string> Skipped)
{
    /// <summary>Compares two trees.</summary>
    /// <param name="before">The tree as it was.</param>
    /// <param name="after">The tree as it is.</param>
    /// <param name="since">When the changes began: a file with an equal time before it, and an equal size, is taken for the same without being read.</param>
    public static TreeChanges Between(string before, string after, DateTimeOffset since)
    {
        var comparison = new TreeComparison(before, after, since.UtcDateTime);
        comparison.Compare("");
        return comparison.Result;
    }
}

/// <summary>One comparison of two trees.</summary>
internal sealed class TreeComparison(string before, string after, DateTime since)
{
    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = 0, RecurseSubdirectories = false, IgnoreInaccessible = false };

    private readonly List<string> added = [];
    private readonly List<string> changed = [];
    private readonly List<string> deleted = [];
    private readonly List<string> skipped = [];

    /// <summary>What was found so far.</summary>
    public TreeChanges Result => new(added, changed, deleted, skipped);

    /// <summary>Compares a directory that both have, and everything below it.</summary>
    public void Compare(string directory)
    {
        var old = NamesIn(Path.Combine(before, directory));
        var now = NamesIn(Path.Combine(after, directory));
        foreach (var name in now)
        {
            CompareEntry(Path.Combine(directory, name));
        }

        deleted.AddRange(old.Except(now, StringComparer.Ordinal).Select(name => Path.Combine(directory, name)));
    }

    private void CompareEntry(string path)
    {
        var (was, now) = (Path.Combine(before, path), Path.Combine(after, path));
        var (kindWas, kindNow) = (FileKinds.Of(was), FileKinds.Of(now));
        switch (kindNow)
        {
            case FileKind.Directory when kindWas == FileKind.Directory:
                Compare(path);
                break;
            case FileKind.Directory:
                AddDirectory(path);
                break;
            case FileKind.Other:
                skipped.Add(path);
                break;
            case FileKind.File or FileKind.Link when kindWas == FileKind.Missing:
                added.Add(path);
                break;
            case FileKind.File or FileKind.Link when kindWas != kindNow || !SameContent(was, now, kindNow):
                changed.Add(path);
                break;
        }
    }

    private void AddDirectory(string path)
    {
        var names = NamesIn(Path.Combine(after, path));
        if (names.Count == 0)
        {
            added.Add(path);
        }

        foreach (var name in names)
        {
            CompareEntry(Path.Combine(path, name));
        }
    }

    private static List<string> NamesIn(string directory) =>
        Directory.Exists(directory) ? [.. Directory.EnumerateFileSystemEntries(directory, "*", Everything).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)] : [];

    private bool SameContent(string was, string now, FileKind kind)
    {
        var (old, young) = (new FileInfo(was), new FileInfo(now));
        if (kind == FileKind.Link)
        {
            return old.LinkTarget == young.LinkTarget;
        }

        return old.Length == young.Length
            && old.UnixFileMode == young.UnixFileMode
            && ((old.LastWriteTimeUtc == young.LastWriteTimeUtc && old.LastWriteTimeUtc < since) || SameBytes(was, now));
    }

    private static bool SameBytes(string was, string now)
    {
        using var a = File.OpenRead(was);
        using var b = File.OpenRead(now);
        var (left, right) = (new byte[64 * 1024], new byte[64 * 1024]);
        while (true)
        {
            var count = a.ReadAtLeast(left, left.Length, throwOnEndOfStream: false);
            if (count != b.ReadAtLeast(right, right.Length, throwOnEndOfStream: false) || !left.AsSpan(0, count).SequenceEqual(right.AsSpan(0, count)))
            {
                return false;
            }

            if (count == 0)
            {
                return true;
            }
        }
    }
}
