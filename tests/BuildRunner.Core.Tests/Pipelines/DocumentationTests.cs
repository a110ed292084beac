using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Tests.Planning;

namespace BuildRunner.Core.Tests.Pipelines;

public sealed partial class DocumentationTests
{
    private static readonly string Folder = Path.Combine(Root(), "docs", "pipelines");

    [Fact]
    public void Every_example_of_the_guide_is_a_valid_file()
    {
        var examples = Examples().ToList();
        Assert.True(examples.Count > 10);
        foreach (var (line, yaml) in examples)
            Assert.DoesNotContain(Planner.Lint([Plans.Source(yaml, $"README.md example in line {line}")]), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
    }

    [Fact]
    public void Every_key_is_in_an_example_of_the_guide()
    {
        var text = string.Join('\n', Examples().Select(example => example.Yaml));
        var missing = Groups(WorkflowKeys.File).Distinct()
            .SelectMany(group => group.Keys.Where(key => !key.Hidden && key.Deprecated is null && !Regex.IsMatch(text, $@"(?<![\w-]){Regex.Escape(key.Name)}:")).Select(key => $"{group.Name}.{key.Name}"))
            .Except(["secret.source", "secret.target"]);
        Assert.Empty(missing);
    }

    /// <summary>Run with UPDATE_DOCS=1 in the environment to write the page anew.</summary>
    [Fact]
    public void The_list_of_keys_is_that_of_the_key_model()
    {
        var path = Path.Combine(Folder, "keys.md");
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1")
            File.WriteAllText(path, Page());
        Assert.Equal(Page(), File.ReadAllText(path));
    }

    private static string Page()
    {
        var page = new StringBuilder("# Every key\n\nMade from the key model that reading uses; examples are in [the guide](README.md).\nKeys marked with ● are BuildRunner's own.\n");
        foreach (var group in Groups(WorkflowKeys.File).Distinct())
        {
            page.Append("\n## ").Append(char.ToUpperInvariant(group.Noun[0])).Append(group.Noun.AsSpan(1)).Append("\n\n| Key | Value | Meaning |\n|---|---|---|\n");
            foreach (var key in group.Keys.Where(key => !key.Hidden))
            {
                page.Append("| `").Append(key.Name).Append('`').Append(key.Own ? " ●" : "").Append(" | ").Append(Cell(key.Kind.Expectation)).Append(" | ").Append(key.Required ? "**Required.** " : "").Append(Cell(key.Description));
                page.Append(key.Default is { } otherwise ? $" Default: {Cell(otherwise)}." : "").Append(key.Deprecated is { } instead ? $" Old form; write {Cell(instead)}." : "");
                page.Append(key.NoEffect is { } why ? $" No effect: {why}." : "").Append(" |\n");
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

    private static IEnumerable<(int Line, string Yaml)> Examples()
    {
        var text = File.ReadAllText(Path.Combine(Folder, "README.md"));
        return Block().Matches(text).Select(match => (text.AsSpan(0, match.Index).Count('\n') + 1, match.Groups[1].Value));
    }

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "BuildRunner.sln")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests run outside of the repository.");
        return folder;
    }

    [GeneratedRegex("```yaml\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
