namespace BuildRunner.Cli.Tests.Running;

/// <summary>What <c>run --progress plain</c> writes, whole. Steps print what the dummy engine prints.</summary>
public sealed class Plain_output
{
    private const string Pipeline = """
        steps:
          - name: build
            image: alpine
            commands: [make]
          - name: test
            image: alpine
            commands: [make test]
            environment: { STEP_EXIT_CODE: "3" }
          - name: deploy
            image: alpine
            commands: [make deploy]
          - name: tell
            image: alpine
            commands: [tell]
            when: { status: [failure] }
        """;

    [Fact]
    public async Task A_run_that_fails_shows_each_step_and_sums_up()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        Assert.Equal(1, await cli.RunAsync("run", "--engine", "dummy", "ci.yml"));
        Assert.Equal("", cli.Output);
        Assert.Equal(
            """
            build  │ start alpine:latest
            build  │ StepName: build
            build  │ StepType: commands
            build  │ StepCommands:
            build  │ ------------------
            build  │ make
            build  │ ------------------
            build  │ done in 0.0s
            test   │ start alpine:latest
            test   │ StepName: test
            test   │ StepType: commands
            test   │ StepCommands:
            test   │ ------------------
            test   │ make test
            test   │ ------------------
            test   │ failed in 0.0s: exit 3
            deploy │ skipped: 'test' ended with failure
            tell   │ start alpine:latest
            tell   │ StepName: tell
            tell   │ StepType: commands
            tell   │ StepCommands:
            tell   │ ------------------
            tell   │ tell
            tell   │ ------------------
            tell   │ done in 0.0s

            ✗ test  alpine:latest  0.0s  exit 3
              │ StepName: test
              │ StepType: commands
              │ StepCommands:
              │ ------------------
              │ make test
              │ ------------------

            ✗ failed in 0.0s · 2 passed · 1 failed · 1 skipped
              full log   buildrunner logs @latest test

            """,
            cli.Error);
    }

    [Fact]
    public async Task Quiet_writes_the_summary_only()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: a\n    image: alpine\n    commands: [make]\n"));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "--progress", "quiet", "ci.yml"));
        Assert.Equal("\n✓ passed in 0.0s · 1 passed\n", cli.Error);
    }

    [Fact]
    public async Task A_locale_without_unicode_gets_ascii()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: a\n    image: alpine\n    commands: [make]\n"));
        cli.Environment["LC_ALL"] = "C";
        await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        Assert.StartsWith("a | start alpine:latest\n", cli.Error, StringComparison.Ordinal);
        Assert.EndsWith("ok passed in 0.0s - 1 passed\n", cli.Error, StringComparison.Ordinal);
        Assert.True(System.Text.Ascii.IsValid(cli.Error));
    }

    [Fact]
    public async Task Colour_comes_when_it_is_asked_for_and_each_step_has_its_own()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        await cli.RunAsync("run", "--engine", "dummy", "--color", "always", "ci.yml");
        Assert.Contains("\e[36mbuild \e[0m \e[2m│\e[0m start alpine:latest\n", cli.Error);
        Assert.Contains("\e[33mtest  \e[0m \e[2m│\e[0m \e[31mfailed in 0.0s: exit 3\e[0m\n", cli.Error);
    }

    [Fact]
    public async Task Times_come_before_the_lines_when_they_are_asked_for()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: a\n    image: alpine\n    commands: [make]\n"));
        await cli.RunAsync("run", "--engine", "dummy", "--timestamps", "utc", "ci.yml");
        Assert.StartsWith("2027-03-01T10:00:00.123Z a │ start alpine:latest\n", cli.Error, StringComparison.Ordinal);
        await cli.RunAsync("run", "ci.yml", "--engine", "dummy", "--timestamps");
        Assert.StartsWith("00:00.000 a │ start alpine:latest\n", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Steps_of_several_workflows_are_called_by_both_names()
    {
        using var cli = new TestCli(
            (".woodpecker/build.yml", "steps:\n  - name: make\n    image: alpine\n    commands: [make]\n"),
            (".woodpecker/deploy.yml", "depends_on: [build]\nsteps:\n  - name: ship\n    image: alpine\n    commands: [ship]\n"));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy"));
        Assert.Contains("build/make  │ done in 0.0s\ndeploy/ship │ start alpine:latest\n", cli.Error);
    }

    [Fact]
    public async Task A_retry_says_which_attempt_follows_and_the_end_how_many_there_were()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: a\n    image: alpine\n    commands: [make]\n    retry: 1\n    environment: { STEP_EXIT_CODE: \"1\" }\n"));
        Assert.Equal(1, await cli.RunAsync("run", "--engine", "dummy", "ci.yml"));
        Assert.Contains("a │ failed in 0.0s: exit 1; attempt 2 of 2 follows\n", cli.Error);
        Assert.Contains("✗ a  alpine:latest  0.0s  exit 1  2 attempts\n", cli.Error);
    }

    [Fact]
    public async Task An_ignored_failure_is_said_and_does_not_fail_the_run()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - name: a\n    image: alpine\n    commands: [make]\n    failure: ignore\n    environment: { STEP_EXIT_CODE: \"1\" }\n"));
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml"));
        Assert.Contains("a │ failed in 0.0s: exit 1 (ignored)\n", cli.Error);
        Assert.EndsWith("✓ passed in 0.0s · 1 ignored\n", cli.Error, StringComparison.Ordinal);
    }
}
