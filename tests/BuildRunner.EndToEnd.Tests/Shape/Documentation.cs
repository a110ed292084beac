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

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex LinkPattern();
}
