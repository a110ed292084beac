using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Sources;

/// <summary>
/// Where a branch of a repository on this machine is, read from the files that git keeps it in: a program that is started, and starts another one, takes much longer than that.
/// Only what is in the usual form is read. Everything else (other formats of refs, links, hidden refs, tags, a branch that is not there) git itself is asked, which also says what is wrong.
/// </summary>
internal static class LocalRefs
{
    private const int LongestRef = 1024;
    private const int LongestConfig = 64 * 1024;
    private const long LongestPacked = 8 * 1024 * 1024;
    private const string Symbolic = "ref: refs/heads/";

    // Settings by which git keeps refs elsewhere, or does not show all of them.
    private static readonly string[] Unusual = ["extensions", "include", "hiderefs", "namespace"];

    /// <summary>HEAD, and the branch that is wanted.</summary>
    /// <param name="path">The repository, bare or not.</param>
    /// <param name="wanted">The branch as a full ref; null: the one that HEAD names.</param>
    /// <returns>Null: git has to be asked.</returns>
    public static RemoteRefs? Read(string path, string? wanted)
    {
        try
        {
            var folder = Path.Combine(path, ".git") is var inner && Directory.Exists(inner) ? inner : path;
            return IsUsual(folder) ? ReadUsual(folder, wanted) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Whatever it is, git says it in words that people know.
            return null;
        }
    }

    private static bool IsUsual(string folder) =>
        !File.Exists(Path.Combine(folder, ".git")) && !IsLink(folder) && Directory.Exists(Path.Combine(folder, "objects")) && !IsLink(Path.Combine(folder, "refs"))
        && !File.Exists(Path.Combine(folder, "commondir")) && !Directory.Exists(Path.Combine(folder, "reftable"))
        && TextOf(Path.Combine(folder, "config"), LongestConfig) is { } config && !Unusual.Any(word => config.Contains(word, StringComparison.OrdinalIgnoreCase));

    private static RemoteRefs? ReadUsual(string folder, string? wanted)
    {
        if (TextOf(Path.Combine(folder, "HEAD"), LongestRef)?.TrimEnd('\n') is not { } head || !head.StartsWith(Symbolic, StringComparison.Ordinal))
        {
            return null;
        }

        var current = head["ref: ".Length..];
        if (!GitName.IsRef(current) || !GitName.IsRef(wanted ?? current) || IdOf(folder, current) is not { } at)
        {
            return null;
        }

        var ids = new Dictionary<string, string>(StringComparer.Ordinal) { ["HEAD"] = at, [current] = at };
        if (wanted is not null && wanted != current)
        {
            if (IdOf(folder, wanted) is not { } id)
            {
                return null;
            }

            ids[wanted] = id;
        }

        return new RemoteRefs(current["refs/heads/".Length..], at, ids);
    }

    // In this order: git packs a ref before it removes the file of it.
    private static string? IdOf(string folder, string name)
    {
        var file = Path.Combine(folder, name);
        if (!File.Exists(file))
        {
            return Directory.Exists(file) ? null : PackedIdOf(folder, name);
        }

        return TextOf(file, LongestRef)?.TrimEnd('\n') is { } id && GitName.IsCommit(id) ? id : null;
    }

    private static string? PackedIdOf(string folder, string name)
    {
        var file = new FileInfo(Path.Combine(folder, "packed-refs"));
        if (!file.Exists || file.LinkTarget is not null || file.Length is 0 or > LongestPacked)
        {
            return null;
        }

        // ID, a space, the name.
        return File.ReadLines(file.FullName).FirstOrDefault(line => line.EndsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[^(name.Length + 1)] == ' ') is { } found
            && GitName.IsCommit(found[..^(name.Length + 1)]) ? found[..^(name.Length + 1)] : null;
    }

    // A file that has nothing in it may be a pipe or a device, which would keep its reader waiting.
    private static string? TextOf(string path, int longest)
    {
        var file = new FileInfo(path);
        return file.Exists && file.LinkTarget is null && file.Length > 0 && file.Length <= longest ? File.ReadAllText(path) : null;
    }

    private static bool IsLink(string path) => new DirectoryInfo(path).LinkTarget is not null;
}
