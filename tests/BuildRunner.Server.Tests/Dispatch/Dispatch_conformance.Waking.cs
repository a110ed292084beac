namespace BuildRunner.Server.Tests.Dispatch;

public abstract partial class Dispatch_conformance
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_waiting_claim_wakes_when_work_becomes_due()
    {
        await using var server = await Installation.StartAsync(await SpecAsync() with { ClaimWait = Long });
        var agent = await server.AgentAsync();
        var waiting = agent.ClaimAsync();
        await server.RunAsync(TestPlans.Steps("build"));
        Assert.Single((await waiting.WaitAsync(Long / 2, Cancel)).Work);
    }

    [Fact]
    public async Task A_waiting_claim_wakes_when_something_is_to_be_stopped()
    {
        await using var server = await Installation.StartAsync(await SpecAsync() with { ClaimWait = Long });
        var agent = await server.AgentAsync(slots: 1);
        var run = await server.RunAsync(TestPlans.Steps("build"));
        var step = await agent.TakeFirstStepAsync();
        Assert.Null(await agent.IntendAsync(step));
        var waiting = agent.ClaimAsync(free: 0);
        Assert.Null(await server.Runs.CancelAsync(run, "by kim", Cancel));
        Assert.Equal(step.Id, Assert.Single((await waiting.WaitAsync(Long / 2, Cancel)).Stops).Work);
    }

    [Fact]
    public async Task A_claim_for_which_nothing_comes_is_answered_with_nothing()
    {
        await using var server = await Installation.StartAsync(await SpecAsync() with { ClaimWait = TimeSpan.FromMilliseconds(50) });
        var answer = await (await server.AgentAsync()).ClaimAsync();
        Assert.Empty(answer.Work);
        Assert.Empty(answer.Stops);
    }
}
