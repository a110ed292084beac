using BuildRunner.Containers.Engine;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using Microsoft.Extensions.Time.Testing;

namespace BuildRunner.Agent.Tests.Steps;

public sealed class Executing_a_workflow : IAsyncDisposable
{
    private readonly ScriptedEngine engine = new();

    public ValueTask DisposeAsync() => engine.DisposeAsync();

    [Fact]
    public async Task Steps_run_in_the_order_of_their_dependencies_and_everything_is_released()
    {
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("c", "a", "b"), AgentRun.Step("a"), AgentRun.Step("b", "a")));
        var state = await run.PlayAsync();
        Assert.Equal("success", state.Result!.Outcome.Word);
        Assert.Equal(["a", "b", "c"], engine.Started.Select(s => s.Spec.Name));
        Assert.Contains(engine.Disposed, d => d.StartsWith("group ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_step_is_prepared_while_the_one_before_it_runs_and_thrown_away_if_it_is_not_needed()
    {
        engine.Behaviours["build"] = async (_, _, _, _) =>
        {
            await engine.Sees("prepared test");
            return new ContainerExit.Exited(1);
        };
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("build"), AgentRun.Step("test", "build")));
        await run.PlayAsync();
        Assert.DoesNotContain(engine.Started, s => s.Spec.Name == "test");
        Assert.Contains("test", engine.Disposed);
    }

    [Fact]
    public async Task A_step_over_its_time_is_ended_and_timed_out()
    {
        var time = new FakeTimeProvider();
        engine.Behaviours["slow"] = async (_, _, _, stop) =>
        {
            await Task.Delay(Timeout.Infinite, stop);
            return new ContainerExit.Exited(0);
        };
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("slow") with { Timeout = TimeSpan.FromMinutes(5) }), time);
        await run.BeginAsync();
        await engine.Sees("started slow");
        time.Advance(TimeSpan.FromMinutes(5));
        var state = await run.EndAsync();
        Assert.Equal(new Outcome.TimedOut(TimeSpan.FromMinutes(5)), state.Result!.Outcome);
    }

    [Fact]
    public async Task A_program_that_the_filter_of_system_calls_ended_is_explained_and_others_are_not()
    {
        engine.Behaviours["own"] = (_, _, _, _) => Task.FromResult<ContainerExit>(new ContainerExit.Signaled(31));
        engine.Behaviours["shell"] = (_, _, _, _) => Task.FromResult<ContainerExit>(new ContainerExit.Exited(159));
        engine.Behaviours["other"] = (_, _, _, _) => Task.FromResult<ContainerExit>(new ContainerExit.Signaled(11));
        await using var run = new AgentRun(engine, AgentRun.Workflow(
            AgentRun.Step("own") with { Failure = FailureMode.Ignore }, AgentRun.Step("shell") with { Failure = FailureMode.Ignore }, AgentRun.Step("other")));
        await run.PlayAsync();
        Assert.Equal(["own", "shell"], run.Lines.Where(l => l.Contains("Engine:Allow32Bit", StringComparison.Ordinal)).Select(l => l.Split(':')[0]).Order());
    }

    [Theory]
    [InlineData(true, "fails")]
    [InlineData(false)]
    public async Task A_step_that_fails_in_the_profile_hardened_is_told_what_it_may_not(bool hardened, params string[] told)
    {
        engine.Behaviours["fails"] = (_, _, _, _) => Task.FromResult<ContainerExit>(new ContainerExit.Exited(2));
        await using var run = new AgentRun(
            engine, AgentRun.Workflow(AgentRun.Step("fails") with { Failure = FailureMode.Ignore }, AgentRun.Step("works")), change: j => j with { Hardened = hardened });
        await run.PlayAsync();
        Assert.Equal(told, run.Lines.Where(l => l.Contains("Engine:HardenedEgress", StringComparison.Ordinal)).Select(l => l.Split(':')[0]));
    }

    [Fact]
    public async Task A_cancel_ends_the_step_that_runs_and_starts_no_other()
    {
        engine.Behaviours["slow"] = async (_, _, _, stop) =>
        {
            await Task.Delay(Timeout.Infinite, stop);
            return new ContainerExit.Exited(0);
        };
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("slow"), AgentRun.Step("next", "slow")));
        await run.BeginAsync();
        await engine.Sees("started slow");
        await run.TellAsync(new RunFact.CancelRequested("somebody wants it"));
        var state = await run.EndAsync();
        Assert.Equal(new Outcome.Cancelled("somebody wants it"), state.Result!.Outcome);
        Assert.Single(engine.Started);
    }

    [Fact]
    public async Task No_more_steps_run_at_once_than_there_are_slots()
    {
        var (now, most) = (0, 0);
        var gate = new Lock();
        foreach (var name in new[] { "a", "b", "c", "d" })
        {
            engine.Behaviours[name] = async (_, _, _, _) =>
            {
                lock (gate)
                {
                    most = Math.Max(most, ++now);
                }

                await Task.Yield();
                lock (gate)
                {
                    now--;
                }

                return new ContainerExit.Exited(0);
            };
        }

        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a"), AgentRun.Step("b"), AgentRun.Step("c"), AgentRun.Step("d")), slots: 2);
        await run.PlayAsync();
        Assert.InRange(most, 1, 2);
    }

    [Fact]
    public async Task A_retry_is_a_fresh_container_after_its_delay()
    {
        var time = new FakeTimeProvider();
        var attempts = 0;
        engine.Behaviours["flaky"] = (_, _, _, _) => Task.FromResult<ContainerExit>(new ContainerExit.Exited(++attempts == 1 ? 1 : 0));
        var step = AgentRun.Step("flaky") with { Retry = new RetryPlan(1, new HashSet<string> { "failure" }, new HashSet<int>(), TimeSpan.FromMinutes(1)) };
        await using var run = new AgentRun(engine, AgentRun.Workflow(step), time);
        await run.BeginAsync();
        await run.SeesAsync(s => s.Workflow("ci").Step("flaky").Phase is StepPhase.Queued { Attempt: 2 });
        Assert.Single(engine.Started);
        var begin = TimeProvider.System.GetTimestamp();
        while (engine.Started.Count < 2)
        {
            Assert.True(TimeProvider.System.GetElapsedTime(begin) < TimeSpan.FromSeconds(60), "the second attempt was not started");
            time.Advance(TimeSpan.FromMinutes(1));
            await Task.Yield();
        }

        var state = await run.EndAsync();
        Assert.Equal("success", state.Result!.Outcome.Word);
        Assert.Equal(2, state.Workflow("ci").Step("flaky").Attempts.Length);
        Assert.Equal(2, engine.Prepared.Count);
    }

    [Fact]
    public async Task Steps_wait_until_services_are_healthy()
    {
        var healthy = new TaskCompletionSource();
        var slow = new ScriptedEngine { Health = _ => healthy.Task };
        var workflow = AgentRun.Workflow(AgentRun.Step("test")) with { Services = [AgentRun.Step("db") with { Kind = StepKind.Service, Commands = [] }] };
        await using var run = new AgentRun(slow, workflow);
        await run.BeginAsync();
        await run.SeesAsync(s => s.Workflow("ci").Services[0].Phase is StepPhase.Running);

        // That it starts is told before it is started.
        await slow.Sees("started db");
        Assert.Equal(["db"], slow.Started.Select(s => s.Spec.Name));
        healthy.SetResult();
        var state = await run.EndAsync();
        Assert.Equal(["db", "test"], slow.Started.Select(s => s.Spec.Name));
        Assert.Equal("success", Assert.IsType<StepPhase.Done>(state.Workflow("ci").Services[0].Phase).Outcome.Word);
        Assert.Contains("db", slow.Disposed);
    }

    [Fact]
    public async Task A_service_that_does_not_become_healthy_is_an_error_of_the_workflow()
    {
        var sick = new ScriptedEngine { Health = name => Task.FromException(new ContainerException(ContainerFailure.Unhealthy, $"service '{name}' did not become healthy")) };
        var workflow = AgentRun.Workflow(AgentRun.Step("test")) with { Services = [AgentRun.Step("db") with { Kind = StepKind.Service, Commands = [] }] };
        await using var run = new AgentRun(sick, workflow);
        var state = await run.PlayAsync();
        Assert.Equal(new Outcome.Error("unhealthy", "service 'db' did not become healthy"), state.Result!.Outcome);
        Assert.DoesNotContain(sick.Started, s => s.Spec.Name == "test");
        Assert.Contains("db", sick.Disposed);
    }

    [Fact]
    public async Task The_report_tells_where_the_time_went()
    {
        var time = new FakeTimeProvider();
        engine.Behaviours["a"] = (_, _, _, _) =>
        {
            time.Advance(TimeSpan.FromSeconds(7));
            return Task.FromResult<ContainerExit>(new ContainerExit.Exited(0));
        };
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a")), time);
        var attempt = Assert.Single((await run.PlayAsync()).Workflow("ci").Step("a").Attempts);
        Assert.Equal(new PhaseTimes(TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromSeconds(7)), attempt.Phases);
        Assert.Equal("busybox:latest", attempt.Image);
    }

    [Fact]
    public async Task A_defect_of_an_engine_ends_the_step_and_not_the_process()
    {
        engine.Behaviours["a"] = (_, _, _, _) => throw new InvalidOperationException("a defect");
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a")));
        var error = Assert.IsType<Outcome.Error>((await run.PlayAsync()).Result!.Outcome);
        Assert.Equal("internal", error.Reason);
        Assert.Contains("a defect", error.Message);
    }
}
