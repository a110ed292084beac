using System.Xml;
using BuildRunner.Containers.Storage;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Expressions;
using BuildRunner.Core.Logs;

namespace BuildRunner.Agent.Steps;

/// <summary>Reads the test reports that a step left in its workspace. Whatever is in them: they are read within bounds, no link is followed, nothing that they name is opened.</summary>
/// <param name="tree">The workspace's tree on this host.</param>
/// <param name="root">Where steps see the tree.</param>
/// <param name="masker">Knows the secrets.</param>
internal sealed class TestReports(string tree, string root, Masker masker)
{
    /// <summary>A longer file is not read.</summary>
    public const long MaxFile = 30L * 1024 * 1024;

    private const int MaxFiles = 500;
    private const int MaxEntries = 200_000;
    private const int MaxProblems = 20;
    private readonly List<string> problems = [];
    private readonly List<TestCase> cases = [];
    private int tests;
    private int failed;
    private int skipped;

    /// <summary>Reads all that the patterns name.</summary>
    public TestReport Read(IReadOnlyList<string> patterns)
    {
        var files = Find([.. patterns.Select(p => Glob.Parse(Relative(p), out _)).OfType<Glob>()]);
        if (files.Count == 0)
        {
            problems.Add($"no test report matches {string.Join(", ", patterns)}");
        }

        foreach (var file in files.Take(MaxFiles))
        {
            ReadFile(file);
        }

        if (files.Count > MaxFiles)
        {
            problems.Add($"{files.Count} files match; the first {MaxFiles} were read");
        }

        return new TestReport { Tests = tests, Failed = failed, Skipped = skipped, Cases = cases, Problems = [.. problems.Take(MaxProblems).Select(masker.Apply)] };
    }

    private void ReadFile(string path)
    {
        try
        {
            using var file = WorkspaceFile.Open(tree, path);
            if (file is null)
            {
                return;
            }

            if (file.Length > MaxFile)
            {
                problems.Add($"{path} has {file.Length} bytes; a test report of more than {MaxFile} is not read");
                return;
            }

            foreach (var found in JUnitFile.Read(file, MaxFile))
            {
                Add(found);
            }
        }
        catch (Exception e) when (e is XmlException or IOException)
        {
            problems.Add($"{path} is no test report that can be read: {e.Message}");
        }
    }

    private void Add(JUnitCase found)
    {
        tests++;
        skipped += found.Skipped ? 1 : 0;
        if (found.Failure is not { } why)
        {
            return;
        }

        failed++;
        if (cases.Count < TestReport.MaxCases)
        {
            var (file, line) = Places.Of(found, why, path => Within(path) is { } inside && Exists(inside) ? inside : null);
            cases.Add(new TestCase(masker.Apply(found.Name), file is null ? null : masker.Apply(file), line, masker.Apply(why)));
        }
    }

    private bool Exists(string path)
    {
        using var file = WorkspaceFile.Open(tree, path);
        return file is not null;
    }

    // As a path in the tree; null: it is outside.
    private string? Within(string path)
    {
        var prefix = root.TrimEnd('/') + "/";
        var inside = path.StartsWith(prefix, StringComparison.Ordinal) ? path[prefix.Length..] : path.StartsWith('/') ? null : Relative(path);
        return inside is { Length: > 0 and < 1000 } && !inside.Split('/').Contains("..") && !inside.Any(char.IsControl) ? inside : null;
    }

    private static string Relative(string path) => path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path;

    // In an order of their own, so that what is told once stays where it is.
    private List<string> Find(IReadOnlyList<Glob> globs)
    {
        var found = new List<string>();
        var folders = new Stack<string>([""]);
        var seen = 0;
        while (folders.TryPop(out var folder))
        {
            foreach (var entry in Entries(folder))
            {
                if (++seen > MaxEntries)
                {
                    problems.Add($"the workspace has more than {MaxEntries} files and folders; test reports were looked for among the first");
                    return [.. found.Order(StringComparer.Ordinal)];
                }

                var path = folder.Length == 0 ? entry.Name : $"{folder}/{entry.Name}";
                if (entry.LinkTarget is not null)
                {
                    continue;
                }

                if (entry is DirectoryInfo && entry.Name != ".git" && globs.Any(g => IsOnTheWay(path, g.Folder)))
                {
                    folders.Push(path);
                }
                else if (entry is FileInfo && globs.Any(g => g.Matches(path)))
                {
                    found.Add(path);
                }
            }
        }

        return [.. found.Order(StringComparer.Ordinal)];
    }

    // A folder in which, or above which, a pattern's files lie: of a large workspace only that is looked at.
    private static bool IsOnTheWay(string path, string wanted) =>
        wanted.Length == 0 || $"{path}/".StartsWith($"{wanted}/", StringComparison.Ordinal) || wanted.StartsWith($"{path}/", StringComparison.Ordinal);

    private List<FileSystemInfo> Entries(string folder)
    {
        try
        {
            var directory = new DirectoryInfo(Path.Combine(tree, folder));
            return directory.LinkTarget is null ? [.. directory.EnumerateFileSystemInfos().Take(MaxEntries)] : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It went away meanwhile, or its name is none that can be asked for.
            return [];
        }
    }
}
