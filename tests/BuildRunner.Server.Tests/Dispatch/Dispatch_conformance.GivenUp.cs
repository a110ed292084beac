using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Dispatch;

namespace BuildRunner.Server.Tests.Dispatch;

/// <summary>Claims that an agent has given up, and that something between it and the server keeps waiting there all the same.</summary>
public abstract partial class Dispatch_conformance
{
    [Fact]
    public async Task A_claim_before_one_that_was_given_work_takes_nothing_that_nobody_would_do_until_its_lease_ends()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync(slots: 1);
        await agent.SayAsync(Assert.Single((await ClaimAsync(agent, Guid.NewGuid(), number: 1, free: 1)).Work), new WorkResult.Ready());
        var claim = Guid.NewGuid();
        var step = Assert.Single((await ClaimAsync(agent, claim, number: 3, free: 1)).Work);
        await agent.DoAsync(step);

        // The one before it, with the same id, said that no slot was free. It comes late, and what is due now takes no slot.
        Assert.Empty((await ClaimAsync(agent, claim, number: 2, free: 0)).Work);
        Assert.IsType<WorkTask.Release>(Assert.Single((await ClaimAsync(agent, Guid.NewGuid(), number: 4, free: 1)).Work).Task);
    }

    [Fact]
    public async Task A_claim_that_waits_ends_when_its_agent_sends_the_next_and_takes_no_bell_from_it()
    {
        await using var server = await Installation.StartAsync(await SpecAsync() with { ClaimWait = Long });
        var agent = await server.AgentAsync();
        var claim = Guid.NewGuid();
        var given = ClaimAsync(agent, claim, number: 1, free: 1, server);
        var heard = ClaimAsync(agent, claim, number: 2, free: 1, server);
        Assert.Empty((await given.WaitAsync(Long / 2, Cancel)).Work);
        Assert.Empty((await ClaimAsync(agent, claim, number: 1, free: 1, server).WaitAsync(Long / 2, Cancel)).Work);
        await server.RunAsync(TestPlans.Steps("build"));
        Assert.Single((await heard.WaitAsync(Long / 2, Cancel)).Work);
    }

    [Fact]
    public async Task A_process_counts_its_claims_from_the_beginning_and_a_greeting_in_between_does_not_begin_anew()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        Assert.Single((await ClaimAsync(agent, Guid.NewGuid(), number: 7, free: 4)).Work);
        await agent.GreetAgainAsync();
        Assert.Empty((await ClaimAsync(agent, Guid.NewGuid(), number: 6, free: 4)).Work);
        await agent.HelloAsync();
        Assert.Single((await ClaimAsync(agent, Guid.NewGuid(), number: 1, free: 4)).Work);
    }

    [Fact]
    public async Task Claims_of_an_agent_that_does_not_count_them_are_answered_as_ever()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        Assert.Single((await ClaimAsync(agent, Guid.NewGuid(), number: 0, free: 4)).Work);
        Assert.Single((await ClaimAsync(agent, Guid.NewGuid(), number: 0, free: 4)).Work);
    }

    [Fact]
    public async Task A_claim_with_a_number_beyond_all_others_harms_only_the_process_that_sent_it()
    {
        for (var i = 0; i < 4; i++)
        {
            await Server.RunAsync(TestPlans.Steps("build"));
        }

        var agent = await Server.AgentAsync();
        var other = await Server.AgentAsync();
        Assert.Single((await ClaimAsync(agent, Guid.NewGuid(), long.MaxValue, free: 4)).Work);
        Assert.Empty((await ClaimAsync(agent, Guid.NewGuid(), number: 2, free: 4)).Work);
        Assert.Single((await ClaimAsync(other, Guid.NewGuid(), number: 1, free: 4)).Work);
        Assert.Single((await ClaimAsync(agent, Guid.NewGuid(), long.MaxValue, free: 4)).Work);
        await agent.HelloAsync();
        Assert.Single((await ClaimAsync(agent, Guid.NewGuid(), number: 1, free: 4)).Work);
    }

    private Task<ClaimResponse> ClaimAsync(TestAgent agent, Guid claim, long number, int free, Installation? at = null) => (at ?? Server).Get<Claims>().ClaimAsync(
        agent.Id, new ClaimRequest { Claim = claim, Session = agent.Session, Number = number, FreeSlots = free }, Cancel);
}
