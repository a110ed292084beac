using System.Text.RegularExpressions;

namespace BuildRunner.Core.Tests.Pipelines;

/// <summary>Valid files: those of this folder, our own pipelines, and every whole file in the documentation.</summary>
internal static partial class Corpus
{
    /// <summary>The root of the repository.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The folder of the documentation of pipelines.</summary>
    public static string Documentation { get; } = Path.Combine(Root, "docs", "pipelines");

    /// <summary>Each file with a name to find it by.</summary>
    public static IReadOnlyList<(string Name, string Yaml)> Files { get; } =
    [
        .. FilesBelow("tests/BuildRunner.Core.Tests/Pipelines/Corpus"),
        .. FilesBelow("pipelines"),
        .. Directory.GetFiles(Documentation, "*.md").Order(StringComparer.Ordinal).SelectMany(Examples),
    ];

    /// <summary>The whole files in a page: blocks marked <c>yaml</c>.</summary>
    public static IEnumerable<(string Name, string Yaml)> Examples(string page)
    {
        var text = File.ReadAllText(page);
        return Block().Matches(text).Select(match => ($"{Path.GetFileName(page)}:{text.AsSpan(0, match.Index).Count('\n') + 1}", match.Groups[1].Value));
    }

    private static IEnumerable<(string Name, string Yaml)> FilesBelow(string folder) =>
        Directory.GetFiles(Path.Combine(Root, folder), "*.yml").Order(StringComparer.Ordinal).Select(file => ($"{folder}/{Path.GetFileName(file)}", File.ReadAllText(file)));

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "BuildRunner.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests run outside of the repository.");
        return folder;
    }

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
