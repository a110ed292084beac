using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Cli.Planning;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Tests.Planning;

/// <summary><c>plan --expanded</c>: written out, a file lints and plans to the same.</summary>
public sealed partial class Plan_expanded
{
    private static readonly string Root = Repository();

    [Fact]
    public async Task Anchors_merges_cells_and_variables_are_resolved()
    {
        using var cli = new TestCli(("ci.yml", """
            variables:
              - &go golang:1.24
              - &common
                pull: true
                environment: { WHERE: "${CI_COMMIT_BRANCH}", AS_IS: "$${HOME}" }
            matrix: { OS: [a, b] }
            steps:
              - name: build
                <<: *common
                image: *go
                commands:
                  - echo "${CI_COMMIT_BRANCH}" ${OS}
                  - |
                    two
                    lines
              - name: say ${OS}
                image: alpine:${CI_COMMIT_BRANCH}
                commands: ["echo 'it''s'"]
            """));
        Assert.Equal(0, await cli.RunAsync("plan", "--expanded", "ci.yml"));
        Assert.Equal(
            """
            matrix:
              include:
                - OS: a
                - OS: b
            steps:
              - name: build
                pull: true
                environment:
                  WHERE: main
                  AS_IS: $${HOME}
                image: golang:1.24
                commands:
                  - 'echo "${CI_COMMIT_BRANCH}" ${OS}'
                  - |
                    two
                    lines
              - name: say ${OS}
                image: alpine:main
                commands:
                  - "echo 'it''s'"

            """,
            cli.Output);
    }

    [Fact]
    public async Task Several_files_go_into_a_directory_which_plans_to_the_same()
    {
        using var cli = new TestCli(
            (".woodpecker/build.yml", "steps:\n  - &a { name: a, image: alpine, commands: [x] }\n  - <<: *a\n    name: b\n"),
            (".woodpecker/ship.yml", "depends_on: [build]\nsteps: { c: { image: alpine, commands: [x] } }\n"));
        Assert.Equal(0, await cli.RunAsync("plan", "--expanded", "--out", "out/.woodpecker"));
        Assert.Equal(0, await cli.RunAsync("lint", "--strict", "out"));
        await cli.RunAsync("plan");
        var before = cli.Output;
        await cli.RunAsync("plan", "out");
        Assert.Equal(before, cli.Output);
    }

    [Theory]
    [InlineData("ci.yml", "it is a file, not a folder")]
    [InlineData("ci.yml/below", "HERE/ci.yml is a file, not a folder")]
    public async Task A_directory_that_cannot_be_made_is_a_mistake_that_is_explained(string output, string why)
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - { name: a, image: alpine, commands: [x] }\n"));
        Assert.Equal(2, await cli.RunAsync("plan", "ci.yml", "--expanded", "--out", output));
        Assert.Equal($"buildrunner: --out {cli.Directory}/{output} cannot be written: {why.Replace("HERE", cli.Directory, StringComparison.Ordinal)}\n", cli.Error);
    }

    [Theory]
    [InlineData("it costs $$5, ${CI_REPO} and ${#x")]
    [InlineData("'single' \"double\" \\ back: # no comment")]
    [InlineData("- a\n- b: c\n\n  indented\n")]
    [InlineData("\n leading and trailing \n\n")]
    [InlineData("null")]
    [InlineData("1e3")]
    [InlineData("\u0085 \u2028 \u0007 \t tab")]
    [InlineData("${A/\"/\\'}")]
    public void Whatever_is_in_an_event_or_a_value_stays_data(string text)
    {
        const string file = """
            steps:
              - name: a
                image: alpine
                commands: [ 'echo "${CI_COMMIT_MESSAGE}"' ]
                environment: { MESSAGE: "${CI_COMMIT_MESSAGE}", LENGTH: "${#CI_COMMIT_MESSAGE}", CUT: "${CI_COMMIT_MESSAGE:0:5}x" }
                when: { evaluate: 'CI_COMMIT_MESSAGE != ""' }
              - name: b
                image: plugin
                settings: { text: "${CI_COMMIT_MESSAGE}", deep: [ { text: "${CI_COMMIT_MESSAGE}", is: ${CI_COMMIT_MESSAGE}, one: 1, yes: true, none: ~ } ], out: "${steps.a.outputs.X} ${CI_COMMIT_MESSAGE}" }
                directory: ${CI_COMMIT_MESSAGE}x
            """;
        AssertSame(file, text);
    }

    [Fact]
    public void Every_example_of_the_documentation_plans_to_the_same()
    {
        var examples = Directory.GetFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories).SelectMany(f => Fence().Matches(File.ReadAllText(f)).Select(m => m.Groups[1].Value))
            .Concat(Directory.GetFiles(Path.Combine(Root, "pipelines"), "*.yml").Select(File.ReadAllText))
            .Where(y => Regex.IsMatch(y, "^(steps|pipeline):", RegexOptions.Multiline)).ToList();
        Assert.True(examples.Count > 12, $"{examples.Count} examples");
        Assert.All(examples, y => AssertSame(y, "Fix it"));
    }

    private static void AssertSame(string file, string message)
    {
        foreach (var kind in new[] { "push", "pull_request", "tag", "cron", "manual" })
        {
            var runEvent = new RunEvent { Kind = kind, Branch = "main", Ref = "refs/heads/main", Repository = "a/b", Commit = "0123", Variables = new Dictionary<string, string> { ["CI_COMMIT_MESSAGE"] = message } };
            PipelineSource[] sources = [new PipelineSource("ci.yml", Encoding.UTF8.GetBytes(file))];
            if (Planner.Plan(sources, runEvent).Plan is not { } plan)
            {
                continue;
            }

            var expanded = Planner.Expand(sources, runEvent);
            var text = Encoding.UTF8.GetString(Assert.Single(expanded).Content.Span);
            Assert.DoesNotContain(Planner.Lint(expanded), d => d.Severity == DiagnosticSeverity.Error);
            var again = Planner.Plan(expanded, runEvent);
            Assert.True(again.Plan is not null, $"{string.Join('\n', again.Diagnostics)}\n{text}");
            Assert.Equal(ExpandedPlan.Form(plan), ExpandedPlan.Form(again.Plan));
        }
    }

    private static string Repository()
    {
        var at = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(at, "BuildRunner.sln")))
        {
            at = Path.GetDirectoryName(at)!;
        }

        return at;
    }

    [GeneratedRegex(@"^```ya?ml\n(.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
