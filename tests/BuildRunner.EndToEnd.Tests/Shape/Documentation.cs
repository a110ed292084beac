using System.Text.RegularExpressions;

namespace BuildRunner.EndToEnd.Tests.Shape;

/// <summary>The README and the documentation lead somewhere.</summary>
public sealed partial class Documentation
{
    public static TheoryData<string> Pages =>
    [
        "README.md",
        .. Directory.GetFiles(Path.Combine(Release.Root, "docs"), "*.md", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Release.Root, f)).Order(),
    ];

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task Every_link_to_a_file_leads_to_one(string page)
    {
        var path = Path.Combine(Release.Root, page);
        var text = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        var broken = LinkPattern().Matches(text)
            .Select(m => m.Groups[1].Value.Split('#')[0])
            .Where(target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal))
            .Where(target => !Path.Exists(Path.Combine(Path.GetDirectoryName(path)!, target)));
        Assert.Empty(broken);
    }

    [Fact]
    public async Task Every_test_that_the_promises_name_is_there()
    {
        var sources = TestSources.Of(Path.Combine(Release.Root, "tests"));
        var (named, wrong, type) = (0, new List<string>(), "");
        foreach (var row in (await File.ReadAllLinesAsync(Path.Combine(Release.Root, "docs/promises.md"), TestContext.Current.CancellationToken)).Where(l => l.StartsWith("| ", StringComparison.Ordinal)))
        {
            foreach (Match name in NamePattern().Matches(row.Split(" | ")[1]))
            {
                named++;
                var parts = name.Groups["name"].Value.Split('.');
                type = parts[0].Length > 0 ? parts[0] : type;
                if (sources.ProblemOf(type, parts.ElementAtOrDefault(1), name.Groups["demand"].Success) is { } problem)
                {
                    wrong.Add(problem);
                }
            }
        }

        Assert.Empty(wrong);
        Assert.InRange(named, 200, int.MaxValue);
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex LinkPattern();

    [GeneratedRegex(@"`(?<name>[^`]+)`(?<demand> \(on demand\))?", RegexOptions.ExplicitCapture)]
    private static partial Regex NamePattern();
}
