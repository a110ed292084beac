using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Dispatch;

namespace BuildRunner.Server.Tests.Dispatch;

/// <summary>Agents that die, come back, and say the same thing from several places.</summary>
public abstract partial class Dispatch_conformance
{
    [Fact]
    public async Task Claims_with_one_id_at_one_moment_all_get_the_same_work()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var claim = Guid.NewGuid();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => agent.ClaimAsync(claim: claim))));
        var given = answers.Select(a => Assert.Single(a.Work)).Select(w => (w.Id, w.Fence)).Distinct();
        Assert.Single(given);
        Assert.Single((await agent.ClaimAsync()).Work);
    }

    [Fact]
    public async Task A_claim_of_a_process_that_is_gone_gets_nothing()
    {
        var agent = await Server.AgentAsync();
        var gone = agent.Session;
        await agent.HelloAsync();
        await Server.RunAsync(TestPlans.Steps("build"));
        Assert.Empty((await ClaimAsync(agent, gone)).Work);
        Assert.Single((await ClaimAsync(agent, agent.Session)).Work);
    }

    [Fact]
    public async Task An_agent_that_was_started_anew_takes_its_workflow_up_again_with_all_that_its_claim_had_brought()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build", "test"));
        var agent = await Server.AgentAsync();
        var start = await agent.TakeAsync();
        await agent.SayAsync(start, new WorkResult.Ready());
        await agent.DoAsync(await agent.TakeAsync());
        var hello = await agent.HelloAsync();
        var held = Assert.Single(hello.Workflows);
        var (workflow, _) = await ResumeAsync(agent, held.Start, held.Fence);
        Assert.Equal((start.Id, start.Fence, start.RunName), (workflow!.Item.Id, workflow.Item.Fence, workflow.Item.RunName));
        Assert.Equal(["build"], workflow.Ended);
        Assert.Equal(["ci/test"], await agent.DoAllAsync());
        Assert.Equal("success", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    [Fact]
    public async Task A_workflow_is_not_taken_up_by_another_agent_under_an_old_fence_or_when_it_is_over()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var start = await agent.TakeAsync();
        await agent.SayAsync(start, new WorkResult.Ready());
        Assert.Equal(AgentProblems.Stale, (await ResumeAsync(await Server.AgentAsync(), start.Id, start.Fence)).Refusal?.Code);
        Assert.Equal(AgentProblems.Stale, (await ResumeAsync(agent, start.Id, start.Fence - 1)).Refusal?.Code);
        await agent.DoAsync(await agent.TakeAsync(), new Outcome.Lost("gone"));
        Assert.Equal(AgentProblems.Ended, (await ResumeAsync(agent, start.Id, start.Fence)).Refusal?.Code);
        await agent.DoAllAsync();
        Assert.Equal(AgentProblems.Stale, (await ResumeAsync(agent, start.Id, start.Fence)).Refusal?.Code);
    }

    [Fact]
    public async Task Every_word_of_an_agent_said_a_thousand_times_at_once_and_again_later_counts_once()
    {
        var run = await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        var step = await agent.TakeFirstStepAsync();
        Assert.All(await RepeatAsync(1000, () => agent.IntendAsync(step)), Assert.Null);
        Assert.All(await RepeatAsync(1000, () => agent.ReportAsync(step, TestAgent.Ended(new Outcome.Success()))), Assert.Null);

        // Out of order: what belongs before the end comes after it, and another end.
        Assert.Equal(AgentProblems.Ended, await agent.IntendAsync(step));
        Assert.Equal(AgentProblems.Ended, await agent.ReportAsync(step, TestAgent.Ended(new Outcome.Lost("it says"))));
        Assert.Equal(AgentProblems.Ended, await agent.ReturnAsync(step));
        await agent.DoAllAsync();
        Assert.Equal("success", (await Server.StateAsync(run)).Result?.Outcome.Word);
    }

    // Twenty at once, as many as an impatient agent could ever have under way.
    private static async Task<IReadOnlyCollection<string?>> RepeatAsync(int times, Func<Task<string?>> say)
    {
        var answers = new System.Collections.Concurrent.ConcurrentBag<string?>();
        await Parallel.ForAsync(0, times, new ParallelOptions { MaxDegreeOfParallelism = 20, CancellationToken = Cancel }, async (_, _) => answers.Add(await say()));
        Assert.Equal(times, answers.Count);
        return answers;
    }

    private Task<ClaimResponse> ClaimAsync(TestAgent agent, Guid session) =>
        Server.Get<Claims>().ClaimAsync(agent.Id, new ClaimRequest { Claim = Guid.NewGuid(), Session = session, FreeSlots = 4 }, Cancel);

    private Task<(ResumeResponse? Workflow, Refusal? Refusal)> ResumeAsync(TestAgent agent, WorkId work, long fence) =>
        Server.Get<Resumptions>().ResumeAsync(agent.Id, work.Value, new ResumeRequest { Fence = fence }, Cancel);
}
