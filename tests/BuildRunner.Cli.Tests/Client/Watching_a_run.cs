using System.Text.Json;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Tests.Client;

public sealed class Watching_a_run : IAsyncLifetime
{
    private LoggedInCli home = null!;

    private TestCli Cli => home.Cli;

    private ScriptedServer Server => home.Server;

    public async ValueTask InitializeAsync() => home = await LoggedInCli.StartAsync();

    public ValueTask DisposeAsync() => home.DisposeAsync();

    [Fact]
    public async Task It_looks_as_a_local_run_and_ends_with_its_result()
    {
        Events(
            Sample.Run("running", Sample.Step("build", "running"), Sample.Step("test", "waiting", null, null, "build")),
            Sample.Run("running", Sample.Step("build", "success", 0), Sample.Step("test", "running")),
            Sample.Run("failure", Sample.Step("build", "success", 0), Sample.Step("test", "failure", 7, "exit 7")));
        Assert.Equal(1, await Cli.RunAsync("watch", "acme/shop#12"));
        Assert.Equal(
            """
            build │ start alpine@sha256:aaaaaaaaaaaa…
            build │ line of build
            build │ done in 2.0s
            test  │ start alpine@sha256:aaaaaaaaaaaa…
            test  │ line of test
            test  │ failed in 2.0s: exit 7

            ✗ test  alpine@sha256:aaaaaaaaaaaa…  2.0s  exit 7
              │ line of test

            ✗ failed in 1m 23s · 1 passed · 1 failed
              page        https://ci.example/acme/shop/runs/12
              full log    buildrunner logs acme/shop#12 test
              run again   buildrunner rerun acme/shop#12 --failed

            """,
            Cli.Error);
        Assert.Equal("", Cli.Output);
    }

    [Fact]
    public async Task Of_one_that_has_ended_it_says_so_and_where_the_rest_of_the_lines_is()
    {
        Events(Sample.Run("failure", Sample.Step("build", "success", 0), Sample.Step("test", "failure", 7, "exit 7")));
        Assert.Equal(1, await Cli.RunAsync("watch", "acme/shop#12"));
        Assert.StartsWith(
            "acme/shop#12 ended 37 seconds ago: the last 12 lines of what did not end well follow, all lines are in 'buildrunner logs acme/shop#12'\n", Cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("line of build", Cli.Error, StringComparison.Ordinal);
        Assert.Contains("line of test", Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Steps_that_will_not_start_are_told_before_anything_else()
    {
        var warned = Sample.Run("running", Sample.Step("build", "running")) with { Diagnostics = [new FileProblem("BR1109", "warning", "step `deploy` will not start: \e[2Jno secret", "ci.yml", 9, 5, null)] };
        Events(warned, Sample.Run("success", Sample.Step("build", "success", 0)));
        Assert.Equal(0, await Cli.RunAsync("watch", "acme/shop#12"));
        Assert.StartsWith("ci.yml(9,5): warning BR1109: step `deploy` will not start: no secret\nbuild │ start", Cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_attempts_it_counts_those_that_there_were_because_a_server_does_not_tell_how_many_there_may_be()
    {
        var tried = Sample.Step("build", "failure", 7).Attempts[0];
        var ended = Sample.Step("build", "success", 0);
        Events(
            Sample.Run("running", Sample.Step("build", "running")),
            Sample.Run("running", Sample.Step("build", "running") with { Attempts = [tried, Sample.Step("build", "running").Attempts[0] with { Number = 2 }] }),
            Sample.Run("success", ended with { Attempts = [tried, ended.Attempts[0] with { Number = 2 }] }));
        Assert.Equal(0, await Cli.RunAsync("watch", "acme/shop#12"));
        Assert.Contains("build │ failed in 2.0s: exit 7; attempt 2 follows\n", Cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("success", 0)]
    [InlineData("skipped", 0)]
    [InlineData("failure", 1)]
    [InlineData("invalid", 3)]
    [InlineData("error", 5)]
    [InlineData("lost", 5)]
    [InlineData("timed_out", 124)]
    [InlineData("cancelled", 130)]
    public async Task Each_result_has_its_exit_code(string state, int exit)
    {
        Events(state == "invalid" ? Sample.Run(state) with { Workflows = [] } : Sample.Run(state, Sample.Step("build", state)));
        Assert.Equal(exit, await Cli.RunAsync("watch", "acme/shop#12", "-q"));
    }

    [Fact]
    public async Task A_stream_that_breaks_is_taken_up_again_and_nothing_is_shown_twice()
    {
        var calls = 0;
        Server.On("GET", Sample.RunPath + "/events", async http =>
        {
            await SendAsync(http, Sample.Run("running", Sample.Step("build", "running")));
            if (calls++ == 0)
            {
                return;
            }

            await SendAsync(http, Sample.Run("success", Sample.Step("build", "success", 0)));
        });
        Logs();
        Assert.Equal(0, await Cli.RunAsync("watch", "acme/shop#12"));
        Assert.Equal(1, Cli.Error.Split("start alpine").Length - 1);
        Assert.Equal(1, Cli.Error.Split("line of build").Length - 1);
    }

    [Fact]
    public async Task A_signal_leaves_and_the_run_goes_on()
    {
        var shown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Server.On("GET", Sample.RunPath + "/events", async http =>
        {
            await SendAsync(http, Sample.Run("running", Sample.Step("build", "running")));
            shown.TrySetResult();
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        });
        Server.On("GET", Sample.RunPath + "/log/follow", http => Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default));
        var watching = Cli.RunAsync("watch", "acme/shop#12");
        await shown.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Cli.Signals.Deliver(ExitCode.Interrupted);
        Assert.Equal(130, await watching);
        Assert.Contains("the run goes on; to end it: buildrunner cancel acme/shop#12", Cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(Server.Asked, a => a.Method != "GET");
    }

    [Theory]
    [InlineData(137, "out of memory (limit 512 MiB)")]
    [InlineData(2, "exit 2; the workflow's disk limit of 64 MiB was reached")]
    public async Task Programs_get_the_events_of_a_local_run(int exit, string reason)
    {
        Events(
            Sample.Run("running", Sample.Step("build", "running")),
            Sample.Run("failure", Sample.Step("build", "failure", exit, reason)));
        Assert.Equal(1, await Cli.RunAsync("watch", "acme/shop#12", "--progress", "json"));
        var events = Cli.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal(
            ["run.started", "step.started", "log", "step.finished", "workflow.finished", "run.finished"],
            events.Select(e => e.GetProperty("e").GetString()));
        Assert.Equal(reason, events[3].GetProperty("reason").GetString());
        Assert.Equal(83_000, events[^1].GetProperty("ms").GetInt64());
    }

    private void Events(params RunDetails[] states)
    {
        Server.On("GET", Sample.RunPath + "/events", async http =>
        {
            foreach (var state in states)
            {
                await SendAsync(http, state);
            }

            await ScriptedServer.EventAsync(http, "end", "{}");
        });
        Logs();
    }

    private void Logs() => Server.On("GET", Sample.RunPath + "/log/follow", async http =>
    {
        await ScriptedServer.EventAsync(http, "line", $$"""{"n":1,"at":"2027-03-01T09:58:01Z","s":"out","text":"line of {{http.Request.Query["step"]}}"}""", 20);
        await ScriptedServer.EventAsync(http, "end", "{}");
    });

    private static Task SendAsync(Microsoft.AspNetCore.Http.HttpContext http, RunDetails state) =>
        ScriptedServer.EventAsync(http, "run", JsonSerializer.Serialize(state, ApiJson.Default.RunDetails));
}
