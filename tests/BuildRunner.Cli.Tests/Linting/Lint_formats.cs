using System.Reflection;
using System.Text.Json;
using BuildRunner.Cli.Output;
using BuildRunner.Core.Pipelines;
using NJsonSchema;

namespace BuildRunner.Cli.Tests.Linting;

/// <summary>What programs read of <c>lint</c>.</summary>
public sealed class Lint_formats
{
    private const string Broken = "pipeline:\n  - name: build\n    image: alpine:3\n    comands: [make]\n  - name: 'a: b'\n    timeout: soon\n";

    [Fact]
    public async Task Sarif_holds_every_problem_with_its_rule_and_place()
    {
        using var cli = new TestCli((".woodpecker/ci build#1.yml", Broken));
        Assert.Equal(3, await cli.RunAsync("lint", "--format", "sarif"));
        await AssertSarif(cli.Output);
        using var json = JsonDocument.Parse(cli.Output);
        var run = json.RootElement.GetProperty("runs")[0];
        var rules = run.GetProperty("tool").GetProperty("driver").GetProperty("rules").EnumerateArray().Select(r => r.GetProperty("id").GetString()).ToList();
        var results = run.GetProperty("results").EnumerateArray().ToList();
        Assert.Equal(4, results.Count);
        Assert.All(results, r => Assert.Equal(r.GetProperty("ruleId").GetString(), rules[r.GetProperty("ruleIndex").GetInt32()]));
        Assert.Equal(["warning", "error", "error", "error"], results.Select(r => r.GetProperty("level").GetString()));
        var place = results[1].GetProperty("locations")[0].GetProperty("physicalLocation");
        Assert.Equal(".woodpecker/ci%20build%231.yml", place.GetProperty("artifactLocation").GetProperty("uri").GetString());
        Assert.Equal((4, 5), (place.GetProperty("region").GetProperty("startLine").GetInt32(), place.GetProperty("region").GetProperty("startColumn").GetInt32()));
    }

    [Fact]
    public async Task Sarif_without_problems_has_an_empty_list_and_not_none()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: build\n    image: alpine:3\n    commands: [make]\n"));
        Assert.Equal(0, await cli.RunAsync("lint", "--format", "sarif", "ci.yml"));
        await AssertSarif(cli.Output);
        Assert.Contains("\"results\": []", cli.Output);
    }

    [Fact]
    public async Task GitHub_gets_commands()
    {
        using var cli = new TestCli(("ci.yml", Broken));
        Assert.Equal(3, await cli.RunAsync("lint", "--format", "github", "ci.yml"));
        Assert.Contains("::error file=ci.yml,line=4,col=5,title=BR1020::a step has no key `comands`. Did you mean `commands`?\n", cli.Output);
        Assert.Contains("::warning file=ci.yml,line=1,col=1,title=BR1101::", cli.Output);
        Assert.Equal(4, cli.Output.Count(c => c == '\n'));
    }

    [Theory]
    [InlineData("50% of\r\n::error::x", "50%25 of%0D%0A::error::x")]
    [InlineData("plain: text, as it is", "plain: text, as it is")]
    public void A_command_is_one_line_whatever_is_in_its_message(string message, string written) =>
        Assert.Equal("::error::" + written, GitHubCommands.Write("error", message));

    [Fact]
    public void A_property_ends_where_it_should_whatever_is_in_it() => Assert.Equal(
        "::error file=a%2Cline=9%3A%3Ax%25%0A,line=3::m",
        GitHubCommands.Write("error", "m", ("file", "a,line=9::x%\n"), ("line", "3"), ("col", null)));

    [Fact]
    public async Task Strict_counts_warnings_too()
    {
        using var cli = new TestCli(("ci.yml", "pipeline:\n  - name: build\n    image: alpine:3\n    commands: [make]\n"));
        Assert.Equal(0, await cli.RunAsync("lint", "ci.yml"));
        Assert.EndsWith("1 warning in 1 file\n", cli.Output, StringComparison.Ordinal);
        foreach (var format in new[] { "text", "json", "sarif", "github" })
        {
            Assert.Equal(3, await cli.RunAsync("lint", "--strict", "--format", format, "ci.yml"));
        }
    }

    [Fact]
    public async Task Several_files_and_folders_are_read_and_counted_once_each()
    {
        using var cli = new TestCli(("a.yml", Broken), ("repo/.woodpecker/b.yml", Broken), ("more/c.yml", Broken), ("more/d.yaml", Broken), ("more/notes.txt", "x"));
        Assert.Equal(3, await cli.RunAsync("lint", "a.yml", "./a.yml", "repo", "repo/.woodpecker", "more"));
        Assert.EndsWith("in 4 files\n", cli.Output, StringComparison.Ordinal);
        Assert.Contains("\nmore/d.yaml(4,5): error BR1020", cli.Output);
    }

    [Fact]
    public async Task Places_and_severities_are_coloured_when_it_is_asked_for()
    {
        using var cli = new TestCli(("ci.yml", Broken));
        await cli.RunAsync("lint", "--color", "always", "ci.yml");
        Assert.Contains("\e[1mci.yml(4,5)\e[0m: \e[31merror\e[0m BR1020: ", cli.Output);
    }

    [Fact]
    public void Every_code_has_a_title() => Assert.Empty(
        typeof(DiagnosticCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (string)f.GetRawConstantValue()!).Except(DiagnosticTitles.Codes));

    private static async Task AssertSarif(string text)
    {
        var schema = await JsonSchema.FromFileAsync(Path.Combine(AppContext.BaseDirectory, "Linting", "sarif.schema.json"), TestContext.Current.CancellationToken);
        Assert.Empty(schema.Validate(text).Select(e => e.ToString()));
    }
}
