using System.Text.RegularExpressions;

namespace BuildRunner.Cli.Tests.Running;

/// <summary><c>--step</c>, <c>--until</c>, <c>--from</c> and <c>--matrix</c>.</summary>
public sealed partial class Choosing_steps
{
    private const string Chain = """
        steps:
          - { name: a, image: alpine, commands: [x] }
          - { name: b, image: alpine, commands: [x] }
          - { name: c, image: alpine, commands: [x] }
          - { name: d, image: alpine, commands: [x] }
        """;

    // restore -> build -> test, restore -> lint
    private const string Graph = """
        steps:
          - { name: restore, image: alpine, commands: [x] }
          - { name: build, image: alpine, commands: [x], depends_on: [restore] }
          - { name: lint, image: alpine, commands: [x], depends_on: [restore] }
          - { name: test, image: alpine, commands: [x], depends_on: [build] }
        """;

    private const string Matrix = """
        matrix:
          GO: ["1", "2"]
          OS: [a, b]
        steps:
          - { name: t, image: alpine, commands: [go ${GO} on ${OS}] }
        """;

    [Theory]
    [InlineData(Chain, "b", "--step", "b")]
    [InlineData(Chain, "a d", "--step", "a", "--step", "d")]
    [InlineData(Chain, "a b", "--until", "b")]
    [InlineData(Chain, "c d", "--from", "c")]
    [InlineData(Chain, "b c", "--from", "b", "--until", "c")]
    [InlineData(Chain, "c", "--step", "ci/c")]
    [InlineData(Graph, "restore build test", "--until", "test")]
    [InlineData(Graph, "build test", "--from", "build")]
    [InlineData(Graph, "restore lint", "--until", "lint")]
    [InlineData(Graph, "test", "--step", "test")]
    public async Task Only_what_was_chosen_runs(string pipeline, string runs, params string[] flags)
    {
        using var cli = new TestCli(("ci.yml", pipeline));
        Assert.Equal(0, await cli.RunAsync(["run", "--engine", "dummy", "ci.yml", .. flags]));
        Assert.Equal(runs, string.Join(' ', Started().Matches(cli.Error).Select(m => m.Groups["step"].Value)));
        Assert.Contains($"skipped: not chosen by {string.Join(' ', flags)}", cli.Error);
    }

    [Fact]
    public async Task What_was_chosen_keeps_its_order_across_what_was_not()
    {
        using var cli = new TestCli(("ci.yml", Chain.Replace("[x] }\n  - { name: d", "[x], environment: { STEP_EXIT_CODE: '1' } }\n  - { name: d", StringComparison.Ordinal)));
        Assert.Equal(1, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--step", "c", "--step", "d"));
        Assert.Contains("d │ skipped: 'c' ended with failure", cli.Error);
    }

    [Fact]
    public async Task Workflows_that_nothing_was_chosen_of_do_not_run_and_nobody_waits_for_them()
    {
        using var cli = new TestCli(
            ("pipelines/one.yml", "steps:\n  - { name: a, image: alpine, commands: [x] }\n"),
            ("pipelines/two.yml", "depends_on: [one]\nsteps:\n  - { name: b, image: alpine, commands: [x] }\n"),
            ("pipelines/three.yml", "depends_on: [two]\nsteps:\n  - { name: c, image: alpine, commands: [x] }\n"));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "--step", "c"));
        Assert.Equal("three/c", string.Join(' ', Started().Matches(cli.Error).Select(m => m.Groups["step"].Value)));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "--until", "two/b"));
        Assert.Equal("one/a two/b", string.Join(' ', Started().Matches(cli.Error).Select(m => m.Groups["step"].Value)));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "--from", "b"));
        Assert.Equal("two/b three/c", string.Join(' ', Started().Matches(cli.Error).Select(m => m.Groups["step"].Value)));
    }

    [Theory]
    [InlineData("go 1 on a, go 1 on b", "--matrix", "GO=1")]
    [InlineData("go 2 on b", "--matrix", "GO=2", "--matrix", "OS=b")]
    [InlineData("go 1 on b, go 2 on b", "--matrix", "GO=1", "--matrix", "GO=2", "--matrix", "OS=b")]
    public async Task Only_the_cells_that_were_chosen_run(string runs, params string[] flags)
    {
        using var cli = new TestCli(("ci.yml", Matrix));
        Assert.Equal(0, await cli.RunAsync(["run", "--engine", "dummy", "--jobs", "1", "ci.yml", .. flags]));
        Assert.Equal(runs, string.Join(", ", cli.Error.Split('\n').Where(l => l.Contains("│ go ")).Select(l => l[(l.IndexOf("go ", StringComparison.Ordinal))..]).Order()));
    }

    [Theory]
    [InlineData("There are: a, b, c, d", "--step", "e")]
    [InlineData("there is no matrix", "--matrix", "GO=1")]
    [InlineData("no step lies between", "--from", "d", "--until", "a")]
    public async Task A_choice_that_fits_nothing_says_what_there_is(string message, params string[] flags)
    {
        using var cli = new TestCli(("ci.yml", Chain));
        Assert.Equal(2, await cli.RunAsync(["run", "--engine", "dummy", "ci.yml", .. flags]));
        Assert.Contains(message, cli.Error);
    }

    [Fact]
    public async Task An_axis_or_value_that_no_cell_has_is_refused_with_those_there_are()
    {
        using var cli = new TestCli(("ci.yml", Matrix));
        Assert.Equal(2, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--matrix", "GOO=1"));
        Assert.Contains("There are: GO, OS", cli.Error);
        Assert.Equal(2, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--matrix", "GO=3"));
        Assert.Contains("There are: 1, 2", cli.Error);
    }

    [Fact]
    public async Task A_service_is_no_step_and_that_is_said()
    {
        using var cli = new TestCli(("ci.yml", "services:\n  - { name: db, image: postgres }\n" + Chain));
        Assert.Equal(2, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--step", "db"));
        Assert.Contains("that is a service", cli.Error);
    }

    [GeneratedRegex(@"^(?<step>\S+) +│ start ", RegexOptions.Multiline)]
    private static partial Regex Started();
}
