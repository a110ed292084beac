using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Server.Tests.Dispatch;

public abstract partial class Dispatch_conformance
{
    [Fact]
    public async Task Work_that_was_not_started_is_given_to_somebody_else_with_a_higher_fence()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        var first = await Server.AgentAsync();
        var second = await Server.AgentAsync();
        var taken = await first.TakeAsync();
        await Server.PassAsync(TimeSpan.FromSeconds(70));
        Assert.Empty((await second.ClaimAsync()).Work);

        await Server.PassAsync(TimeSpan.FromSeconds(6));
        var again = await second.TakeAsync();
        Assert.Equal(taken.Id, again.Id);
        Assert.True(again.Fence > taken.Fence);
        Assert.Equal(AgentProblems.Stale, await first.ReportAsync(taken, new WorkResult.Ready()));
    }

    [Fact]
    public async Task A_step_that_may_have_started_is_lost_and_not_repeated()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var step = await agent.TakeFirstStepAsync();
        Assert.Null(await agent.IntendAsync(step));
        await Server.PassAsync(GiveAway);
        var done = Assert.IsType<StepPhase.Done>((await Server.StateAsync(run)).Workflow("ci").Step("build").Phase);
        Assert.IsType<Outcome.Lost>(done.Outcome);
        Assert.Equal(AgentProblems.Ended, await agent.ReportAsync(step, TestAgent.Ended(new Outcome.Success())));
        await agent.DoAllAsync();
        Assert.IsType<Outcome.Lost>((await Server.StateAsync(run)).Result?.Outcome);
    }

    [Fact]
    public async Task A_lost_step_is_repeated_where_it_says_so()
    {
        var step = TestPlans.Step("build") with { Retry = new RetryPlan(1, new HashSet<string> { "lost" }, new HashSet<int>(), TimeSpan.Zero) };
        var run = await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("ci") with { Steps = [step] }));
        var agent = await Server.AgentAsync();
        Assert.Null(await agent.IntendAsync(await agent.TakeFirstStepAsync()));
        await Server.PassAsync(GiveAway);
        var second = await agent.TakeAsync();
        Assert.Equal(2, ((WorkTask.Step)second.Task).Attempt);
        await agent.DoAsync(second);
        await agent.DoAllAsync();
        Assert.Equal("success", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    [Fact]
    public async Task A_heartbeat_keeps_the_work_and_is_refused_once_it_is_given_away()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var work = await agent.TakeAsync();
        for (var i = 0; i < 20; i++)
        {
            await Server.PassAsync(TimeSpan.FromSeconds(15));
            Assert.Empty((await agent.BeatAsync(work)).Refused);
        }

        await Server.PassAsync(GiveAway);
        Assert.Equal([work.Id], (await agent.BeatAsync(work)).Refused);
    }

    [Fact]
    public async Task Work_that_comes_back_again_and_again_ends_as_poison()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        await agent.SayAsync(await agent.TakeAsync(), new WorkResult.Ready());
        for (var i = 0; i < 4; i++)
        {
            Assert.Null(await agent.ReturnAsync(await agent.TakeAsync()));
        }

        await agent.DoAllAsync();
        Assert.Equal("poison", Assert.IsType<Outcome.Error>((await Server.StateAsync(run)).Result?.Outcome).Reason);
    }

    [Fact]
    public async Task What_was_started_can_be_returned_only_by_an_agent_that_knows_that_nothing_of_it_was_executed_and_is_then_due_again_under_a_new_fence()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var step = await agent.TakeFirstStepAsync();
        Assert.Null(await agent.IntendAsync(step));
        Assert.Equal(AgentProblems.Ended, await agent.ReturnAsync(step));
        Assert.Null(await agent.ReturnAsync(step, nothingRan: true));

        // What was still on its way under the old fence starts nothing and ends nothing.
        Assert.Equal(AgentProblems.Stale, await agent.IntendAsync(step));
        var again = await agent.TakeAsync();
        Assert.Equal(step.Id, again.Id);
        Assert.True(again.Fence > step.Fence);
        Assert.Equal(AgentProblems.Stale, await agent.IntendAsync(step));
        Assert.Equal(AgentProblems.Stale, await agent.ReturnAsync(step, nothingRan: true));
        await agent.DoAsync(again);
        Assert.Equal(AgentProblems.Ended, await agent.ReturnAsync(again, nothingRan: true));
        await agent.DoAllAsync();
        Assert.Equal("success", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    [Fact]
    public async Task A_workflow_stays_with_its_agent_and_workflows_of_a_run_spread()
    {
        await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("one", "build"), TestPlans.Workflow("two", "build")));
        var first = await Server.AgentAsync(slots: 1);
        var second = await Server.AgentAsync(slots: 1);
        var one = await first.TakeAsync();
        var two = await second.TakeAsync();
        Assert.Equal(["one", "two"], new[] { one.Workflow, two.Workflow }.Order());
        await first.SayAsync(one, new WorkResult.Ready());
        await second.SayAsync(two, new WorkResult.Ready());
        Assert.Equal(one.Workflow, (await first.TakeAsync()).Workflow);
        Assert.Equal(two.Workflow, (await second.TakeAsync()).Workflow);
    }

    [Fact]
    public async Task A_workflow_whose_agent_is_gone_is_made_again_if_nothing_of_it_was_started()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"));
        var first = await Server.AgentAsync();
        await first.SayAsync(await first.TakeAsync(), new WorkResult.Ready());
        var second = await Server.AgentAsync();
        await Server.PassAsync(TimeSpan.FromMinutes(4));
        Assert.Empty((await second.ClaimAsync()).Work);
        await second.BeatAsync();
        await Server.PassAsync(TimeSpan.FromSeconds(61));
        Assert.Equal(["ci", "ci/build"], await second.DoAllAsync());
        Assert.Equal("success", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    [Fact]
    public async Task A_workflow_that_has_worked_ends_with_an_error_when_its_agent_is_gone()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build", "test"));
        var agent = await Server.AgentAsync();
        await agent.DoAsync(await agent.TakeFirstStepAsync());
        await Server.PassAsync(TimeSpan.FromMinutes(6));
        var state = await Server.StateAsync(run);
        Assert.Equal("workspace_lost", Assert.IsType<Outcome.Error>(state.Result?.Outcome).Reason);
        Assert.IsType<Outcome.Skipped>(Assert.IsType<StepPhase.Done>(state.Workflow("ci").Step("test").Phase).Outcome);
    }

    [Fact]
    public async Task An_agent_that_restarted_can_say_that_a_workspace_is_gone()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build", "test"));
        var agent = await Server.AgentAsync();
        var start = await agent.TakeAsync();
        await agent.SayAsync(start, new WorkResult.Ready());
        var step = await agent.TakeAsync();
        var hello = await agent.HelloAsync();
        Assert.Equal(step.Id, Assert.Single(hello.Held).Work);
        Assert.Equal(start.Id, Assert.Single(hello.Workflows).Start);

        Assert.Null(await agent.LoseWorkflowAsync(start));
        Assert.Equal(["ci", "ci/build", "ci/test"], await agent.DoAllAsync());
        Assert.Equal("success", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    [Fact]
    public async Task The_time_of_a_workflow_runs_from_its_claim_and_ends_it()
    {
        var run = await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("ci", "build", "test") with { Timeout = TimeSpan.FromMinutes(10) }));
        var agent = await Server.AgentAsync();
        await Server.PassAsync(TimeSpan.FromMinutes(30));
        var step = await agent.TakeFirstStepAsync();
        Assert.Null(await agent.IntendAsync(step));
        for (var i = 0; i < 11; i++)
        {
            await Server.PassAsync(TimeSpan.FromMinutes(1));
            await agent.BeatAsync(step);
        }

        Assert.IsType<StopReason.TimeUp>(Assert.Single((await agent.BeatAsync(step)).Stops).Reason);
        await agent.SayAsync(step, TestAgent.Ended(new Outcome.Cancelled("stopped")));
        await agent.DoAllAsync();
        Assert.IsType<Outcome.TimedOut>((await Server.StateAsync(run)).Result?.Outcome);
    }

    [Fact]
    public async Task A_retry_waits_for_its_delay()
    {
        var retry = new RetryPlan(1, new HashSet<string> { "failure" }, new HashSet<int>(), TimeSpan.FromSeconds(30));
        await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("ci") with { Steps = [TestPlans.Step("build") with { Retry = retry }] }));
        var agent = await Server.AgentAsync();
        await agent.DoAsync(await agent.TakeFirstStepAsync(), new Outcome.Failure(new FailureReason.ExitCode(1)));
        Assert.Empty((await agent.ClaimAsync()).Work);
        await Server.PassAsync(TimeSpan.FromSeconds(30));
        await agent.TakeAsync();
    }
}
