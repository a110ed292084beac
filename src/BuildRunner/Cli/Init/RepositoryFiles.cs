using System.Text.RegularExpressions;

namespace BuildRunner.Cli.Init;

/// <summary>What lies in a repository, near its top. Looks only: nothing of it is run, links are not followed, and no file is read beyond a limit.</summary>
internal sealed class RepositoryFiles(string root)
{
    private const int MaxBytes = 256 * 1024;
    private const int MaxFiles = 5000;
    private const int Depth = 3;

    private static readonly HashSet<string> Passed = new(["node_modules", "bin", "obj", "target", "vendor", "dist", "build", "venv", "packages", "artifacts", "out", "coverage", "fixtures", "testdata", "examples"], StringComparer.Ordinal);

    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    /// <summary>Paths relative to the top, with slashes; those nearest to the top first, then by name.</summary>
    public IReadOnlyList<string> All { get; } = [.. Walk(root, "", Depth).Take(MaxFiles).OrderBy(f => f.Count(c => c == '/')).ThenBy(f => f, StringComparer.Ordinal)];

    /// <summary>True if a file of that name lies at the top.</summary>
    public bool Has(string name) => All.Contains(name, StringComparer.Ordinal);

    /// <summary>The first file whose name ends like one of these; null if there is none. What only tests use does not make the repository.</summary>
    public string? Find(params string[] endings) => endings.Select(e => All.FirstOrDefault(f => f.EndsWith(e, StringComparison.OrdinalIgnoreCase) && !IsOfTests(f))).FirstOrDefault(f => f is not null);

    /// <summary>A file's text; empty if it is not there, too long or cannot be read.</summary>
    public string Read(string? path)
    {
        try
        {
            var file = path is null ? null : new FileInfo(Path.Combine(root, path));
            return file is { Exists: true, LinkTarget: null, Length: <= MaxBytes } ? File.ReadAllText(file.FullName) : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What cannot be read is guessed without.
            return "";
        }
    }

    /// <summary>The first group of a pattern in a file; null if the pattern is not there.</summary>
    public string? Match(string? path, string pattern)
    {
        try
        {
            var match = Regex.Match(Read(path), pattern, RegexOptions.Multiline, Patience);
            return match.Success ? match.Groups[1].Value : null;
        }
        catch (RegexMatchTimeoutException)
        {
            // A file made to be slow tells nothing.
            return null;
        }
    }

    private static bool IsOfTests(string path) => path.StartsWith("test/", StringComparison.OrdinalIgnoreCase) || path.StartsWith("tests/", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<string> Walk(string root, string folder, int depth)
    {
        FileSystemInfo[] entries;
        try
        {
            entries = new DirectoryInfo(Path.Combine(root, folder)).GetFileSystemInfos();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What cannot be looked into is passed over.
            yield break;
        }

        foreach (var entry in entries.Where(e => e.LinkTarget is null))
        {
            var path = folder.Length == 0 ? entry.Name : $"{folder}/{entry.Name}";
            if (entry is FileInfo)
            {
                yield return path;
            }
            else if (depth > 1 && !Passed.Contains(entry.Name) && entry.Name[0] != '.')
            {
                foreach (var inner in Walk(root, path, depth - 1))
                {
                    yield return inner;
                }
            }
        }
    }
}
