using System.Text.RegularExpressions;

namespace BuildRunner.Cli.Tests.Output;

/// <summary>What <c>run</c> writes to the log of another CI. Steps print what the dummy engine prints, which has their commands in it.</summary>
public sealed partial class Folded_output
{
    private const string Pipeline = """
        steps:
          - name: build
            image: alpine
            commands: ["::add-mask::x", "##[group]y"]
          - name: test
            image: alpine
            commands:
              - "::error file=/woodpecker/src/Tests/Cart.cs,line=41,title=Total%3A::Expected: 119%0Afound: 100"
              - "::warning file=b.cs::old"
            environment: { STEP_EXIT_CODE: "1" }
          - name: deploy
            image: alpine
            commands: [deploy]
        """;

    [Fact]
    public async Task GitHub_folds_what_went_well_shows_what_did_not_and_gets_its_annotations()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        cli.Environment["GITHUB_ACTIONS"] = "true";
        Assert.Equal(1, await cli.RunAsync("run", "--engine", "dummy", "--color", "never", "ci.yml"));
        Assert.Equal(
            """
            ● build  started  alpine:latest
            ::group::✓ build  0.0s
            ::stop-commands::TOKEN
            StepName: build
            StepType: commands
            StepCommands:
            ------------------
            ::add-mask::x
            ##[group]y
            ------------------
            ::TOKEN::
            ::endgroup::
            ● test  started  alpine:latest
            ✗ test  0.0s  exit 1
            ::stop-commands::TOKEN
            StepName: test
            StepType: commands
            StepCommands:
            ------------------
            ::error file=/woodpecker/src/Tests/Cart.cs,line=41,title=Total%3A::Expected: 119%0Afound: 100
            ::warning file=b.cs::old
            ------------------
            ::TOKEN::
            ::error file=Tests/Cart.cs,line=41,title=Total%3A::Expected: 119%0Afound: 100
            ::warning file=b.cs,title=test::old
            – deploy  skipped: 'test' ended with failure
            ::stop-commands::TOKEN

            ✗ test  alpine:latest  0.0s  exit 1
              error    Tests/Cart.cs:41  Total:: Expected: 119 found: 100
              warning  b.cs  old
              │ StepName: test
              │ StepType: commands
              │ StepCommands:
              │ ------------------
              │ ::error file=/woodpecker/src/Tests/Cart.cs,line=41,title=Total%3A::Expected: 119%0Afound: 100
              │ ::warning file=b.cs::old
              │ ------------------

            ✗ failed in 0.0s · 1 passed · 1 failed · 1 skipped
              full log   buildrunner logs @latest test
            ::TOKEN::

            """,
            Token().Replace(cli.Error, "TOKEN"));
        Assert.Single(Token().Matches(cli.Error).Select(m => m.Value).Distinct());
    }

    [Fact]
    public async Task The_word_that_pauses_commands_cannot_be_foretold()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        cli.Environment["GITHUB_ACTIONS"] = "true";
        await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        var first = Token().Match(cli.Error).Value;
        await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        Assert.NotEqual(first, Token().Match(cli.Error).Value);
    }

    [Fact]
    public async Task A_step_that_fails_without_a_word_about_the_source_still_gets_an_annotation()
    {
        using var cli = new TestCli(("ci.yml", "steps: { a: { image: alpine, commands: [x], environment: { STEP_EXIT_CODE: 3 } } }\n"));
        await cli.RunAsync("run", "--engine", "dummy", "--ci", "github", "ci.yml");
        Assert.Contains("\n::error::a failed in 0.0s: exit 3\n", cli.Error);
    }

    [Fact]
    public async Task GitHub_gets_the_problems_of_a_file_at_their_lines()
    {
        using var cli = new TestCli(("ci.yml", "steps: { a: { image: alpine, comands: [x] } }\n"));
        cli.Environment["GITHUB_ACTIONS"] = "true";
        Assert.Equal(3, await cli.RunAsync("run", "--engine", "dummy", "ci.yml"));
        Assert.StartsWith("::error file=ci.yml,line=1,col=30,title=BR1020::", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GitLab_gets_sections_with_their_times()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        cli.Environment["GITLAB_CI"] = "true";
        Assert.Equal(1, await cli.RunAsync("run", "--engine", "dummy", "--color", "never", "ci.yml"));
        var at = cli.Time.GetUtcNow().ToUnixTimeSeconds();
        Assert.Contains($"\nsection_start:{at}:buildrunner_1[collapsed=true]\r\e[0K✓ build  0.0s\nStepName: build\n", cli.Error);
        Assert.Contains($"------------------\nsection_end:{at}:buildrunner_1\r\e[0K\n", cli.Error);
        Assert.Contains($"\nsection_start:{at}:buildrunner_2\r\e[0K✗ test  0.0s  exit 1\n", cli.Error);
        Assert.DoesNotContain("::group::", cli.Error);
    }

    [Theory]
    [InlineData("--ci", "none")]
    [InlineData("--progress", "plain")]
    public async Task It_can_be_switched_off(string flag, string value)
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        cli.Environment["GITHUB_ACTIONS"] = "true";
        await cli.RunAsync("run", "--engine", "dummy", flag, value, "ci.yml");
        Assert.StartsWith("build  │ start alpine:latest\n", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_attempt_is_told_and_only_the_last_ones_annotations_count()
    {
        using var cli = new TestCli(("ci.yml", "steps: { a: { image: alpine, retry: 1, commands: ['::error::boom'], environment: { STEP_EXIT_CODE: 1 } } }\n"));
        await cli.RunAsync("run", "--engine", "dummy", "--ci", "github", "--color", "never", "ci.yml");
        Assert.Contains("\nfailed in 0.0s: exit 1; attempt 2 of 2 follows\n", cli.Error);
        Assert.Single(Regex.Matches(cli.Error, "(?m)^::error title=a::boom$"));
    }

    [Fact]
    public async Task Colours_are_for_the_page_unless_they_are_not_wanted()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        cli.Environment["GITHUB_ACTIONS"] = "true";
        await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        Assert.Contains("::group::\e[32m✓\e[0m build", cli.Error);
        cli.Environment["NO_COLOR"] = "1";
        await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        Assert.DoesNotContain("\e[", cli.Error);
    }

    [GeneratedRegex("buildrunner-[0-9a-f]{32}")]
    private static partial Regex Token();
}
