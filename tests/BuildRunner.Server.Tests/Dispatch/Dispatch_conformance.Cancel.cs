using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Server.Tests.Dispatch;

public abstract partial class Dispatch_conformance
{
    [Fact]
    public async Task Nothing_of_a_cancelled_run_is_handed_out()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"));
        Assert.Null(await Server.Runs.CancelAsync(run, "by kim", Cancel));
        Assert.Empty((await (await Server.AgentAsync()).ClaimAsync()).Work);
        Assert.Equal(new Outcome.Cancelled("by kim"), (await Server.StateAsync(run)).Result?.Outcome);
    }

    [Fact]
    public async Task A_step_whose_run_is_cancelled_before_the_intent_does_not_start()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var step = await agent.TakeFirstStepAsync();
        Assert.Null(await Server.Runs.CancelAsync(run, "by kim", Cancel));
        Assert.Equal(AgentProblems.Stopped, await agent.IntendAsync(step));
        await agent.SayAsync(step, TestAgent.Ended(new Outcome.Cancelled("not started")));
        await agent.DoAllAsync();
        Assert.Equal("cancelled", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    [Fact]
    public async Task A_running_step_is_told_to_stop_and_the_run_is_cancelled_when_it_is_gone()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build", "test"));
        var agent = await Server.AgentAsync();
        var step = await agent.TakeFirstStepAsync();
        Assert.Null(await agent.IntendAsync(step));
        Assert.Null(await Server.Runs.CancelAsync(run, "by kim", Cancel));

        Assert.Equal(step.Id, Assert.Single((await agent.ClaimAsync()).Stops).Work);
        Assert.Empty((await agent.ClaimAsync(stopping: step.Id)).Stops);
        Assert.Equal(step.Id, Assert.Single((await agent.BeatAsync(step)).Stops).Work);
        Assert.Null((await Server.StateAsync(run)).Result);

        await agent.SayAsync(step, TestAgent.Ended(new Outcome.Cancelled("stopped")));
        Assert.Null((await Server.StateAsync(run)).Result);
        await agent.SayAsync(await agent.TakeAsync(), new WorkResult.Released());
        Assert.Equal(new Outcome.Cancelled("by kim"), (await Server.StateAsync(run)).Result?.Outcome);
    }

    [Fact]
    public async Task A_workflow_that_is_being_made_is_released_when_its_run_is_cancelled()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var start = await agent.TakeAsync();
        Assert.Null(await Server.Runs.CancelAsync(run, "by kim", Cancel));
        var release = await agent.TakeAsync();
        Assert.IsType<WorkTask.Release>(release.Task);
        Assert.Equal(start.Id, release.Start);
        Assert.Equal(AgentProblems.Ended, await agent.ReportAsync(start, new WorkResult.Ready()));
        await agent.SayAsync(release, new WorkResult.Released());
        Assert.Equal("cancelled", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    [Fact]
    public async Task A_cancelled_run_whose_agent_is_gone_ends_without_it()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var step = await agent.TakeFirstStepAsync();
        Assert.Null(await agent.IntendAsync(step));
        Assert.Null(await Server.Runs.CancelAsync(run, "by kim", Cancel));
        await Server.PassAsync(GiveAway);
        Assert.Null((await Server.StateAsync(run)).Result);
        await Server.PassAsync(TimeSpan.FromMinutes(5));

        // Nobody saw the step end, so it is not said to be cancelled (promise G12).
        Assert.Equal("lost", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    [Theory]
    [InlineData(false, "failure")]
    [InlineData(true, "cancelled")]
    public async Task A_step_that_dies_before_it_hears_of_the_cancel_keeps_its_end_and_the_run_is_cancelled_if_more_was_to_come(bool more, string end)
    {
        var run = await Server.RunAsync(more ? TestPlans.Steps("build", "test") : TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var step = await agent.TakeFirstStepAsync();
        Assert.Null(await agent.IntendAsync(step));
        Assert.Null(await Server.Runs.CancelAsync(run, "by kim", Cancel));
        await agent.SayAsync(step, TestAgent.Ended(new Outcome.Failure(new FailureReason.Signal(9))));
        Assert.Equal(["ci"], await ReleasedAsync(agent));
        var state = await Server.StateAsync(run);
        Assert.Equal(new Outcome.Failure(new FailureReason.Signal(9)), Assert.Single(state.Workflow("ci").Step("build").Attempts).Outcome);
        Assert.Equal(end, state.Result?.Outcome.Word);
    }

    // Nothing else is handed out any more.
    private static async Task<List<string>> ReleasedAsync(TestAgent agent)
    {
        var released = new List<string>();
        while ((await agent.ClaimAsync()).Work is [var work, ..])
        {
            Assert.IsType<WorkTask.Release>(work.Task);
            await agent.SayAsync(work, new WorkResult.Released());
            released.Add(work.Workflow);
        }

        return released;
    }

    [Fact]
    public async Task Cancels_and_intents_at_once_never_leave_a_step_running_that_nobody_was_told_to_stop()
    {
        var agent = await Server.AgentAsync(slots: 64);
        var steps = new List<(Guid Run, WorkItem Step)>();
        for (var i = 0; i < 12; i++)
        {
            var run = await Server.RunAsync(TestPlans.Steps("build"));
            steps.Add((run, await agent.TakeFirstStepAsync()));
        }

        var intents = await Task.WhenAll(steps.Select(s => Task.Run(async () =>
        {
            var cancel = Task.Run(() => Server.Runs.CancelAsync(s.Run, "by kim", Cancel));
            var intent = await agent.IntendAsync(s.Step);
            Assert.Null(await cancel);
            return intent;
        })));

        // Started or not: each is to be stopped, and whoever was not started is told so by the refusal.
        var stops = (await agent.BeatAsync([.. steps.Select(s => s.Step)])).Stops.Select(s => s.Work).ToHashSet();
        Assert.All(steps, s => Assert.Contains(s.Step.Id, stops));
        Assert.All(intents, i => Assert.True(i is null or AgentProblems.Stopped));
    }

    [Fact]
    public async Task A_newer_run_of_a_branch_cancels_the_older_one_where_that_is_wanted()
    {
        var first = await Server.RunAsync(TestPlans.Steps("build"));
        var second = await Server.RunAsync(TestPlans.Steps("build"), run => run with { CancelsEarlier = true });
        Assert.Equal(new Outcome.Cancelled("superseded by run #2"), (await Server.StateAsync(first)).Result?.Outcome);
        Assert.Null((await Server.StateAsync(second)).Result);
    }

    [Fact]
    public async Task A_run_that_needs_an_approval_begins_when_it_is_approved()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"), r => r with { Trust = r.Trust with { NeedsApproval = "it comes from a fork" } });
        var agent = await Server.AgentAsync();
        Assert.Empty((await agent.ClaimAsync()).Work);
        Assert.Null(await Server.Runs.DecideAsync(run, null, approved: true, "kim", Cancel));
        Assert.NotNull(await Server.Runs.DecideAsync(run, null, approved: false, "eve", Cancel));
        Assert.Equal(["ci", "ci/build"], await agent.DoAllAsync());
    }

    [Fact]
    public async Task A_declined_run_ends_as_cancelled()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"), r => r with { Trust = r.Trust with { NeedsApproval = "it comes from a fork" } });
        Assert.Null(await Server.Runs.DecideAsync(run, null, approved: false, "kim", Cancel));
        Assert.Equal(new Outcome.Cancelled("declined by kim"), (await Server.StateAsync(run)).Result?.Outcome);
    }

    [Fact]
    public async Task Only_what_failed_runs_again_and_the_earlier_attempt_stays_as_it_was()
    {
        var run = await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("good", "build"), TestPlans.Workflow("bad", "build"), TestPlans.Workflow("after", "deploy") with { DependsOn = [new("bad")] }));
        var agent = await Server.AgentAsync();
        for (var i = 0; i < 2; i++)
        {
            var step = await agent.TakeFirstStepAsync();
            await agent.DoAsync(step, step.Workflow == "bad" ? new Outcome.Failure(new FailureReason.ExitCode(1)) : null);
            await agent.SayAsync(await agent.TakeAsync(), new WorkResult.Released());
        }

        Assert.Equal("failure", (await Server.StateAsync(run)).Result?.Outcome.Word);
        var (again, refusal) = await Server.Runs.RerunAsync(run, new Runs.RerunWhat.Failed(), "kim", Cancel);
        Assert.Null(refusal);
        Assert.Equal(["bad", "bad/build", "after", "after/deploy"], await agent.DoAllAsync());
        Assert.Equal("success", (await Server.StateAsync(again!.Value)).Result?.Outcome.Word);
        Assert.Equal("failure", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    [Fact]
    public async Task Everything_runs_again_where_that_is_wanted_and_the_earlier_attempt_stays_as_it_was()
    {
        var run = await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("one", "build"), TestPlans.Workflow("two", "deploy") with { DependsOn = [new("one")] }));
        var agent = await Server.AgentAsync();
        Assert.Equal(["one", "one/build", "two", "two/deploy"], await agent.DoAllAsync());
        var before = await Server.StateAsync(run);
        var (again, refusal) = await Server.Runs.RerunAsync(run, new Runs.RerunWhat.All(), "kim", Cancel);
        Assert.Null(refusal);
        Assert.Null((await Server.StateAsync(again!.Value)).Result);
        Assert.Equal(["one", "one/build", "two", "two/deploy"], await agent.DoAllAsync());
        Assert.Equal("success", (await Server.StateAsync(again.Value)).Result?.Outcome.Word);
        Assert.Equal(before.Result, (await Server.StateAsync(run)).Result);
        Assert.Equal(before.Workflow("one").Step("build").Attempts, (await Server.StateAsync(run)).Workflow("one").Step("build").Attempts);
    }
}
