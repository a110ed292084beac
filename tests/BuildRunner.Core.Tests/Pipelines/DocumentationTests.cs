using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Tests.Planning;

namespace BuildRunner.Core.Tests.Pipelines;

public sealed class DocumentationTests
{
    public static TheoryData<string, string> Examples => [.. KeyExamples.Names];

    [Fact]
    public void Every_page_of_the_guide_has_examples_that_the_corpus_tests()
    {
        foreach (var page in new[] { "README.md", "coming-from-woodpecker.md", "coming-from-drone.md" })
            Assert.NotEmpty(Corpus.Examples(Path.Combine(Corpus.Documentation, page)));
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void The_example_of_a_key_is_valid(string group, string key) =>
        Assert.DoesNotContain(Planner.Lint([Plans.Source(KeyExamples.File((group, key)))]), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);

    [Fact]
    public void Every_key_has_an_example_and_every_example_is_of_a_key() => Assert.Equal(
        Groups(WorkflowKeys.File).Distinct().SelectMany(group => group.Keys.Where(key => !key.Hidden).Select(key => $"{group.Name}.{key.Name}")).Order(StringComparer.Ordinal),
        KeyExamples.Names.Select(name => $"{name.Group}.{name.Key}").Order(StringComparer.Ordinal));

    [Fact]
    public void Every_key_is_in_an_example_of_the_guide()
    {
        var text = string.Join('\n', Corpus.Examples(Path.Combine(Corpus.Documentation, "README.md")).Select(example => example.Yaml));
        var missing = Groups(WorkflowKeys.File).Distinct()
            .SelectMany(group => group.Keys.Where(key => !key.Hidden && key.Deprecated is null && !Regex.IsMatch(text, $@"(?<![\w-]){Regex.Escape(key.Name)}:")).Select(key => $"{group.Name}.{key.Name}"))
            .Except(["secret.source", "secret.target"]);
        Assert.Empty(missing);
    }

    /// <summary>Run with UPDATE_DOCS=1 in the environment to write the page anew.</summary>
    [Fact]
    public void The_list_of_keys_is_that_of_the_key_model()
    {
        var path = Path.Combine(Corpus.Documentation, "keys.md");
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, Page());
        Assert.Equal(Page(), File.ReadAllText(path));
    }

    /// <summary>Run with UPDATE_DOCS=1 in the environment to write the page anew.</summary>
    [Fact]
    public void The_list_of_codes_has_every_code()
    {
        var path = Path.Combine(Corpus.Documentation, "codes.md");
        var page = "# What is said of files\n\nEvery problem of a file has a code that keeps its meaning for ever; one that is no longer used is not given out again. Those from `BR1101` on are warnings, but for `BR1199`.\n\n| Code | Meaning |\n|---|---|\n"
            + string.Concat(Codes().OrderBy(code => code.Code, StringComparer.Ordinal).Select(code => $"| `{code.Code}` | {Cell(code.Meaning)} |\n"));
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, page);
        Assert.Equal(page, File.ReadAllText(path));
        Assert.Equal(Codes().Count(), Codes().Select(code => code.Code).Distinct().Count());
    }

    // The meaning of a code is what its documentation comment says.
    private static IEnumerable<(string Code, string Meaning)> Codes()
    {
        var comments = XDocument.Load(Path.ChangeExtension(typeof(DiagnosticCodes).Assembly.Location, ".xml"));
        foreach (var field in typeof(DiagnosticCodes).GetFields())
        {
            var comment = comments.Descendants("member").Single(member => (string?)member.Attribute("name") == $"F:{typeof(DiagnosticCodes).FullName}.{field.Name}").Element("summary")!;
            var text = string.Concat(comment.Nodes().Select(node => node is XElement { Name.LocalName: "c" } code ? $"`{code.Value}`" : node.ToString(SaveOptions.DisableFormatting))).Trim();
            yield return ((string)field.GetValue(null)!, text.Replace("&lt;", "<", StringComparison.Ordinal));
        }
    }

    private static string Page()
    {
        var page = new StringBuilder("# Every key\n\nMade from the key model that reading uses; longer examples are in [the guide](README.md). Each example here is put into a file by a test.\nKeys marked with ● are BuildRunner's own.\n");
        foreach (var group in Groups(WorkflowKeys.File).Distinct())
        {
            page.Append("\n## ").Append(char.ToUpperInvariant(group.Noun[0])).Append(group.Noun.AsSpan(1)).Append("\n\n| Key | Value | Default | Meaning | Example |\n|---|---|---|---|---|\n");
            foreach (var key in group.Keys.Where(key => !key.Hidden))
            {
                page.Append("| `").Append(key.Name).Append('`').Append(key.Own ? " ●" : "").Append(" | ").Append(Cell(key.Kind.Expectation)).Append(" | ").Append(key.Required ? "**required**" : Cell(key.Default ?? "")).Append(" | ").Append(Cell(key.Description));
                page.Append(key.Deprecated is { } instead ? $" Old form; write {Cell(instead)}." : "").Append(key.NoEffect is { } why ? $" No effect: {why}." : "");
                page.Append(" | `").Append(Cell(KeyExamples.Of(group, key))).Append("` |\n");
            }
        }
        return page.ToString();
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);

    private static IEnumerable<KeyGroup> Groups(ValueKind kind) => kind switch
    {
        ValueKind.Keys keys => keys.Group.Keys.Where(key => !key.Hidden).SelectMany(key => Groups(key.Kind)).Prepend(keys.Group),
        ValueKind.Map map => Groups(map.Item),
        ValueKind.List list => Groups(list.Item),
        ValueKind.OneOrMany many => Groups(many.Item),
        ValueKind.AnyOf any => any.Kinds.SelectMany(Groups),
        _ => [],
    };
}
