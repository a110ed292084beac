using System.Xml.Linq;

namespace BuildRunner.Cli.Tests.Running;

/// <summary><c>--report</c>, and what <c>logs</c> finds afterwards.</summary>
public sealed class Reports_and_logs
{
    private const string Pipeline = """
        steps:
          - { name: build, image: alpine, commands: [make "<all>"] }
          - { name: test, image: alpine, commands: [make test], environment: { STEP_EXIT_CODE: "3" } }
          - { name: deploy, image: alpine, commands: [make deploy] }
          - { name: broken, image: alpine, commands: [x], environment: { STEP_START_FAIL: "true" }, when: { status: [failure] } }
        """;

    [Fact]
    public async Task A_report_has_a_suite_for_each_workflow_and_a_case_for_each_step()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        Assert.Equal(1, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--report", "out/junit.xml"));
        var suite = XDocument.Load(Path.Combine(cli.Directory, "out/junit.xml")).Root!.Element("testsuite")!;
        Assert.Equal(("ci", "4", "1", "1", "1"), (Of(suite, "name"), Of(suite, "tests"), Of(suite, "failures"), Of(suite, "errors"), Of(suite, "skipped")));
        var cases = suite.Elements("testcase").ToDictionary(c => Of(c, "name"));
        Assert.Contains("make \"<all>\"", cases["build"].Element("system-out")!.Value);
        Assert.Equal("exit 3", Of(cases["test"].Element("failure")!, "message"));
        Assert.Contains("make test", cases["test"].Element("failure")!.Value);
        Assert.Equal("'test' ended with failure", Of(cases["deploy"].Element("skipped")!, "message"));
        Assert.Contains("STEP_START_FAIL", Of(cases["broken"].Element("error")!, "message"));
    }

    [Fact]
    public async Task A_report_that_cannot_be_written_makes_a_run_that_went_well_end_with_five()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - { name: a, image: alpine, commands: [x] }\n"));
        Assert.Equal(5, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--report", "ci.yml/junit.xml"));
        var file = Path.Combine(cli.Directory, "ci.yml");
        Assert.Contains($"  the report could not be written to {file}/junit.xml: {file} is a file, not a folder\n", cli.Error);

        Assert.Equal(5, await cli.RunAsync("run", "--engine", "dummy", "ci.yml", "--report", "."));
        Assert.Contains($"  the report could not be written to {cli.Directory}: it is a folder, not a file\n", cli.Error);
    }

    [Fact]
    public async Task The_hint_to_the_full_log_is_true()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        var hint = cli.Error.Split('\n').Single(l => l.Contains("full log")).Split("buildrunner ", 2)[1];
        Assert.Equal("logs @latest test", hint);
        Assert.Equal(0, await cli.RunAsync(hint.Split(' ')));
        Assert.Equal("StepName: test\nStepType: commands\nStepCommands:\n------------------\nmake test\n------------------\n", cli.Output);
    }

    [Fact]
    public async Task The_hint_to_the_full_log_is_true_where_a_server_is_known_too()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        cli.Environment["BUILDRUNNER_SERVER"] = "http://127.0.0.1:1";
        await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        var hint = cli.Error.Split('\n').Single(l => l.Contains("full log")).Split("buildrunner ", 2)[1];
        Assert.Equal("logs @latest test --local", hint);
        Assert.Equal(0, await cli.RunAsync(hint.Split(' ')));
        Assert.Contains("make test", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_of_several_steps_have_names_and_the_flags_choose()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        Assert.Equal(0, await cli.RunAsync("logs", "--tail", "2"));
        Assert.StartsWith("build │ make \"<all>\"\nbuild │ ------------------\ntest │ make test\n", cli.Output, StringComparison.Ordinal);
        Assert.Equal(0, await cli.RunAsync("logs", "@latest", "--failed", "--tail", "1", "--timestamps"));
        Assert.Equal("2027-03-01T10:00:00.123Z ------------------\n", cli.Output);
        Assert.Equal(2, await cli.RunAsync("logs", "@latest", "no-such-step"));
        Assert.Contains("build, test", cli.Error);
        Assert.Equal(2, await cli.RunAsync("logs", "zzz"));
        Assert.Contains("the newest is", cli.Error);
    }

    [Fact]
    public async Task Only_the_newest_runs_are_kept()
    {
        using var cli = new TestCli(("ci.yml", Pipeline));
        cli.Environment["BUILDRUNNER_LOCALRUNS__KEEP"] = "2";
        for (var i = 0; i < 5; i++)
        {
            await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
            cli.Time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(3, Directory.GetDirectories(cli.Runs).Length);
        Assert.Equal(0, await cli.RunAsync("clean", "--engine", "dummy", "--logs"));
        Assert.Contains("logs of 3 runs removed", cli.Output);
        Assert.Equal(2, await cli.RunAsync("logs"));
    }

    [Fact]
    public async Task Logs_that_cannot_be_stored_do_not_disturb_the_run()
    {
        using var cli = new TestCli(("ci.yml", "steps:\n  - { name: a, image: alpine, commands: [x] }\n"), ("file", ""));
        cli.Environment["BUILDRUNNER_LOCALRUNS__DIR"] = Path.Combine(cli.Directory, "file/runs");
        Assert.Equal(0, await cli.RunAsync("run", "--engine", "dummy", "ci.yml"));
        Assert.Contains("the logs of this run are not stored", cli.Error);
    }

    private static string Of(XElement element, string attribute) => element.Attribute(attribute)!.Value;
}
