using BuildRunner.Containers.Engine.Dummy;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Tests;

/// <summary>The table of ux.md B.3.2, one by one.</summary>
public sealed class Exit_codes
{
    private const string Step = "steps:\n  - name: a\n    image: alpine\n    commands: [make]\n";

    [Fact]
    public async Task Zero_when_the_run_succeeded() => Assert.Equal(0, await RunAsync(Step));

    [Fact]
    public async Task Zero_when_everything_was_skipped() => Assert.Equal(0, await RunAsync(Step + "    when: { event: tag }\n"));

    [Fact]
    public async Task One_when_a_step_failed() => Assert.Equal(1, await RunAsync(Step + "    environment: { STEP_EXIT_CODE: '7' }\n"));

    [Theory]
    [InlineData("run", "--no-such-flag")]
    [InlineData("run", "no-such-file.yml")]
    [InlineData("run", "--engine", "no-such-engine")]
    [InlineData("run", "--jobs", "0")]
    [InlineData("run", "--progress", "tty")]
    [InlineData("run", "--secret", "NOT_IN_THE_ENVIRONMENT")]
    [InlineData("run", "--in-place", "--out", "x")]
    [InlineData("run", "ci.yml", "--step", "no-such-step")]
    [InlineData("run", "ci.yml", "--step", "a", "--until", "a")]
    [InlineData("run", "ci.yml", "--from", "no-such-step")]
    [InlineData("run", "ci.yml", "--matrix", "GO=1")]
    [InlineData("run", "ci.yml", "--matrix", "GO")]
    [InlineData("run", "ci.yml", "--image-map", "alpine")]
    [InlineData("run", "ci.yml", "--image-map-file", "no-such-file")]
    [InlineData("run", "ci.yml", "--input", "NOT_IN_THE_ENVIRONMENT")]
    [InlineData("run", "ci.yml", "--payload", "no-such-file.json")]
    [InlineData("run", "ci.yml", "--payload", "ci.yml")]
    [InlineData("run", "ci.yml", "--metadata", "ci.yml")]
    [InlineData("run", "ci.yml", "--payload", "x.json", "--metadata", "y.json")]
    [InlineData("run", "ci.yml", "--event", "no-such-event")]
    [InlineData("run", "ci.yml", "--timeout", "soon")]
    [InlineData("run", "ci.yml", "--pull", "sometimes")]
    [InlineData("run", "ci.yml", "--offline", "--pull", "always")]
    [InlineData("run", "ci.yml", "--exit-code-from", "no-such-step")]
    [InlineData("run", "ci.yml", "--keep-step", "no-such-step")]
    [InlineData("run", "ci.yml", "--debug")]
    [InlineData("run", "ci.yml", "--engine", "dummy", "--keep")]
    [InlineData("run", "ci.yml", "--engine", "dummy", "--keep-step", "a")]
    [InlineData("shell")]
    [InlineData("shell", "a", "-f", "ci.yml", "--fresh", "--kept", "12345678")]
    [InlineData("shell", "a", "-f", "ci.yml", "--engine", "dummy")]
    [InlineData("shell", "no-such-step", "-f", "ci.yml", "--engine", "dummy")]
    [InlineData("logs")]
    [InlineData("logs", "--tail", "0")]
    [InlineData("clean", "--engine", "no-such-engine")]
    [InlineData("no-such-verb")]
    [InlineData("-C", "no-such-directory", "lint")]
    public async Task Two_for_wrong_usage(params string[] arguments)
    {
        using var cli = new TestCli(("ci.yml", Step));
        Assert.Equal(2, await cli.RunAsync(arguments));
        Assert.StartsWith("buildrunner: ", cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("there is no option '--setp'. Did you mean '--step'?\n", "run", "--setp", "a")]
    [InlineData("there is no option '--josn'. Did you mean '--json'?\n", "ls", "--josn=x")]
    [InlineData("there is no option '--json'", "logs", "@latest", "--json")]
    [InlineData("there is no option '--frehs'. Did you mean '--fresh'?\n", "shell", "a", "--frehs")]
    [InlineData("there is no verb 'comit'.\n'buildrunner --help'", "comit")]
    [InlineData("there is no verb 'lintt'. Did you mean 'lint'?\n", "lintt")]
    [InlineData("there is no verb 'schedule add'. There are: ls, set, pause, resume, run-now, rm\n", "schedule", "add", "acme/shop", "nightly", "@daily")]
    [InlineData("'agents' needs a verb. There are: ls, ", "agents")]
    [InlineData("--event takes push, ", "run", "--event", "pusch")]
    [InlineData("; it is 'pusch'. Did you mean 'push'?\n", "run", "--event", "pusch")]
    [InlineData("there is no verb 'inti'. Did you mean 'init'?\n", "inti")]
    [InlineData("; it is 'psuh'. Did you mean 'push'?\n", "run", "--event", "psuh")]
    [InlineData("--jobs takes a number from 1 to 1024; it is 'zero'\n", "run", "--jobs", "zero")]
    [InlineData("--jobs takes a number from 1 to 1024; it is '0'\n", "run", "--jobs", "0")]
    [InlineData("--tail takes a number from 1 on; it is 'all'\n", "logs", "1", "--tail", "all")]
    [InlineData("--attempt takes a number from 1 on; it is 'x'\n", "logs", "1", "--attempt", "x")]
    [InlineData("--limit takes a number from 1 to 10000; it is '0'\n", "ls", "--limit", "0")]
    [InlineData("--limit takes a number from 1 to 500; it is 'x'\n", "audit", "--limit", "x")]
    [InlineData("--limit takes a number from 1 to 200; it is '1e3'\n", "webhook", "deliveries", "--limit", "1e3")]
    [InlineData("--pr takes a number from 1 on; it is '-1'\n", "start", "acme/shop", "--pr", "-1")]
    [InlineData("--priority takes a number from -1000 to 1000; it is 'high'\n", "repo", "set", "acme/shop", "--priority", "high")]
    [InlineData("--timeout takes a time: 90s, 10m, 2h, 1d or 00:10:00; it is '5x'\n", "run", "ci.yml", "--timeout", "5x")]
    [InlineData("'other.yml' is a word too many for 'run'\n", "run", "ci.yml", "other.yml")]
    [InlineData("'image tag' needs NAME\n", "image", "tag", "alpine")]
    [InlineData("--secret needs a value\n", "run", "ci.yml", "--secret")]
    [InlineData("no-such.env: there is no such file\n", "run", "ci.yml", "--env-file", "no-such.env")]
    [InlineData("no-such.json: there is no such file\n", "run", "ci.yml", "--payload", "no-such.json")]
    [InlineData("'http://ci.example.org/; sign in' is not the address of a server", "login", "http://ci.example.org/; sign in")]
    [InlineData("say what to do: ")]
    public async Task A_mistake_in_the_command_line_is_named_by_its_word(string said, params string[] arguments)
    {
        using var cli = new TestCli(("ci.yml", Step));
        Assert.Equal(2, await cli.RunAsync(arguments));
        Assert.Contains(said, cli.Error);
    }

    [Fact]
    public async Task What_stands_after_two_dashes_is_no_option_of_ours()
    {
        using var cli = new TestCli(("ci.yml", Step));
        Assert.Equal(2, await cli.RunAsync("shell", "no-such-step", "-f", "ci.yml", "--", "ls", "--all"));
        Assert.Contains("there is no such step", cli.Error);
    }

    [Fact]
    public async Task Two_for_a_setting_that_does_not_exist()
    {
        using var cli = new TestCli(("ci.yml", Step));
        cli.Environment["BUILDRUNNER_ENGINE__KINT"] = "dummy";
        Assert.Equal(2, await cli.RunAsync("run", "ci.yml"));
        Assert.Contains("Engine:Kind", cli.Error);
    }

    [Theory]
    [InlineData("HARDENEDEGRESS", "registry.example", "buildrunner: Engine:HardenedEgress has 'registry.example': names are not taken")]
    [InlineData("HARDENEDSCRATCH", "4KiB", "buildrunner: Engine:HardenedScratch of 4096 bytes is too little")]
    [InlineData("APPARMORPROFILE", "two words", "buildrunner: Engine:AppArmorProfile 'two words' is not the name of a profile")]
    [InlineData("DNS", "names.example", "'names.example', which is not an address")]
    public async Task Two_for_a_setting_of_the_engine_that_it_cannot_take(string name, string value, string said)
    {
        using var cli = new TestCli(("ci.yml", Step));
        cli.Environment["BUILDRUNNER_ENGINE__" + name] = value;
        Assert.Equal(2, await cli.RunAsync("run", "ci.yml", "--engine", "oci"));
        Assert.Contains(said, cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Three_when_the_file_has_errors() => Assert.Equal(3, await RunAsync("steps:\n  - name: a\n    image: alpine\n    comands: [make]\n"));

    [Fact]
    public async Task Five_when_the_engine_could_not_run_it() => Assert.Equal(5, await RunAsync(Step + "    environment: { STEP_START_FAIL: 'true' }\n"));

    [Fact]
    public async Task One_hundred_and_twenty_four_when_a_step_was_over_its_time()
    {
        using var cli = new TestCli(("ci.yml", Step + "    timeout: 5m\n    environment: { SLEEP: 10m }\n"));
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cli.NewEngine = (_, _) => new SignallingEngine(new DummyEngine(cli.Time), started.SetResult);
        var run = cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        await started.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        cli.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(124, await run);
        Assert.Contains("timed out after 5m 00s", cli.Error);
    }

    [Theory]
    [InlineData(ExitCode.Hangup, 129)]
    [InlineData(ExitCode.Interrupted, 130)]
    [InlineData(ExitCode.Terminated, 143)]
    public async Task The_signals_code_when_a_signal_ended_it_after_clean_up(int signal, int code)
    {
        using var cli = new TestCli(("ci.yml", Step + "    environment: { SLEEP: 10m }\n"));
        var engine = new SignallingEngine(new DummyEngine(cli.Time), () => cli.Signals.Deliver((ExitCode)signal));
        cli.NewEngine = (_, _) => engine;
        Assert.Equal(code, await cli.RunAsync("run", "--engine", "dummy", "ci.yml"));
        Assert.True(engine.GroupGone);
        Assert.Empty(cli.Left);
        Assert.Contains("! cancelled in", cli.Error);
    }

    [Fact]
    public async Task The_second_signal_leaves_at_once()
    {
        using var cli = new TestCli(("ci.yml", Step + "    environment: { SLEEP: 10m }\n"));
        cli.NewEngine = (_, _) => new SignallingEngine(new DummyEngine(cli.Time), () =>
        {
            cli.Signals.Deliver(ExitCode.Interrupted);
            cli.Signals.Deliver(ExitCode.Interrupted);
        });
        await cli.RunAsync("run", "--engine", "dummy", "ci.yml");
        Assert.Equal([ExitCode.Interrupted], cli.Left);
    }

    [Theory]
    [InlineData("a", 7)]
    [InlineData("b", 0)]
    [InlineData("killed", 137)]
    public async Task The_code_of_a_step_if_it_is_asked_for(string step, int code)
    {
        const string more = "    failure: ignore\n    environment: { STEP_EXIT_CODE: '7' }\n  - name: b\n    image: alpine\n    commands: [x]\n"
            + "  - name: killed\n    image: alpine\n    commands: [x]\n    environment: { STEP_OOM_KILLED: 'true' }\n";
        Assert.Equal(code, await RunAsync(Step + more, "--exit-code-from", step));
    }

    [Fact]
    public async Task The_runs_own_code_if_the_step_that_was_asked_for_did_not_run() =>
        Assert.Equal(1, await RunAsync(Step + "    environment: { STEP_EXIT_CODE: '7' }\n  - name: b\n    image: alpine\n    commands: [x]\n", "--exit-code-from", "b"));

    [Fact]
    public async Task All_are_in_the_help()
    {
        using var cli = new TestCli();
        Assert.Equal(0, await cli.RunAsync("--help"));
        Assert.All(ExitCodes.All, c => Assert.Matches($@"(?m)^  {(int)c.Code}\s+\S", cli.Output));
        Assert.Equal(Enum.GetValues<ExitCode>(), ExitCodes.All.Select(c => c.Code));
    }

    [Fact]
    public void Every_outcome_has_one() => Assert.Equal(
        [ExitCode.Success, ExitCode.Success, ExitCode.Failure, ExitCode.TimedOut, ExitCode.Interrupted, ExitCode.InvalidFile, ExitCode.Error, ExitCode.Error],
        new Outcome[]
        {
            new Outcome.Success(null), new Outcome.Skipped(""), new Outcome.Failure(), new Outcome.TimedOut(TimeSpan.Zero), new Outcome.Cancelled(""),
            new Outcome.Invalid(), new Outcome.Error("", ""), new Outcome.Lost(""),
        }.Select(ExitCodes.Of));

    private static async Task<int> RunAsync(string pipeline, params string[] more)
    {
        using var cli = new TestCli(("ci.yml", pipeline));
        return await cli.RunAsync(["run", "--engine", "dummy", "ci.yml", .. more]);
    }
}
