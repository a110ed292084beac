namespace BuildRunner.Cli.Tests.Documents;

/// <summary>The texts of this checkout that people read.</summary>
internal static class Checkout
{
    /// <summary>The folder with the solution.</summary>
    public static string Root { get; } = Find();

    /// <summary>README and documentation, without decisions: those tell what was so when they were made.</summary>
    public static IReadOnlyList<string> Pages { get; } =
    [
        "README.md",
        .. FilesBelow("docs", "*.md").Where(f => !f.StartsWith("docs/decisions/", StringComparison.Ordinal)),
        .. FilesBelow("pipelines", "*.yml"),
        .. FilesBelow("deploy", "*"),
    ];

    /// <summary>The product's own sources, whose messages name commands.</summary>
    public static IReadOnlyList<string> Sources { get; } =
        [.. FilesBelow("src", "*.cs").Concat(FilesBelow("src", "*.ts")).Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal))];

    /// <summary>The text of one of them.</summary>
    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    /// <summary>Files of a folder, with paths that begin at the root.</summary>
    public static IEnumerable<string> FilesBelow(string folder, string pattern) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Root, f)).Order(StringComparer.Ordinal);

    /// <summary>Fails with every problem, one a line.</summary>
    public static void None(IEnumerable<string> problems)
    {
        var all = problems.ToList();
        Assert.True(all.Count == 0, string.Join('\n', all));
    }

    private static string Find()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "BuildRunner.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("the tests run from a checkout");
        }

        return folder;
    }
}
