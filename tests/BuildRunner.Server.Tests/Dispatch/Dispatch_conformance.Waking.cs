using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Messages;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Tests.Bus;
using Microsoft.EntityFrameworkCore;

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

    [Fact]
    public async Task A_waiting_claim_wakes_for_the_first_work_ever_with_labels_that_its_agent_has()
    {
        await using var server = await Installation.StartAsync(await SpecAsync() with { ClaimWait = Long });
        var agent = await server.AgentAsync(labels: new Dictionary<string, string> { ["gpu"] = "yes" });
        await server.RunAsync(TestPlans.Steps("build"));
        await agent.TakeAsync();
        var waiting = await WaitingAsync(server, agent, free: 4);
        await server.RunAsync(TestPlans.Of(TestPlans.Workflow("drawn", "build") with { Labels = new Dictionary<string, string> { ["gpu"] = "yes" } }));
        Assert.Equal("drawn", Assert.Single((await waiting.WaitAsync(Long / 2, Cancel)).Work).Workflow);
    }

    [Fact]
    public async Task A_bell_that_was_lost_is_rung_again()
    {
        var spec = await SpecAsync() with { ClaimWait = Long };
        await using var server = await Installation.StartAsync(spec);
        await using var unheard = await server.ReplicaAsync(new InstallationSpec { Postgres = spec.Postgres, Rabbit = spec.Rabbit });
        using var lost = new Hearing(unheard);
        var agent = await server.AgentAsync(slots: 1);
        var elsewhere = agent.At(unheard);
        async Task<WorkItem> LostAsync(int free, Func<Task> act) => await AfterAsync(server, agent, free, act, () => RungAsync(unheard, lost));
        var start = await LostAsync(free: 1, () => unheard.RunAsync(TestPlans.Steps("build")));
        Assert.IsType<WorkTask.Start>(start.Task);

        // What only this agent may take: the workflow's step, and what releases it.
        var step = await LostAsync(free: 1, () => elsewhere.SayAsync(start, new WorkResult.Ready()));
        Assert.IsType<WorkTask.Step>(step.Task);
        Assert.Null(await agent.IntendAsync(step));
        var release = await LostAsync(free: 0, () => elsewhere.SayAsync(step, TestAgent.Ended(new Outcome.Success())));
        Assert.IsType<WorkTask.Release>(release.Task);
    }

    [Fact]
    public async Task However_long_the_queue_is_the_bell_is_rung_again_as_often_as_agents_have_a_slot()
    {
        for (var i = 0; i < 12; i++)
        {
            await Server.RunAsync(TestPlans.Steps("build"));
        }

        await Server.AgentAsync();
        await Server.AgentAsync();
        var rung = new List<Bell>();
        Server.Database.Committed += rung.AddRange;
        await Server.PassAsync(Server.Options.RingAgainAfter + TimeSpan.FromSeconds(1));
        await Server.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(4, rung.OfType<Bell.Due>().Select(b => b.Work).Distinct().Count());
    }

    // The act happens at a server that nobody listens to: it stores what it has to, and its bells are lost.
    private static async Task<WorkItem> AfterAsync(Installation server, TestAgent agent, int free, Func<Task> act, Func<Task> rung)
    {
        var waiting = await WaitingAsync(server, agent, free);
        await act();
        await rung();
        await server.PassAsync(TimeSpan.FromSeconds(1));
        Assert.False(waiting.IsCompleted);
        await server.PassAsync(server.Options.RingAgainAfter);
        return Assert.Single((await waiting.WaitAsync(Long / 2, Cancel)).Work);
    }

    // What was rung before it has come to whomever it comes: bells go out one after the other.
    private static async Task RungAsync(Installation unheard, Hearing lost)
    {
        var last = new RunChanged(Guid.NewGuid(), 1);
        await unheard.Database.WriteAsync(
            turn =>
            {
                turn.Bells.Add(new Bell.Changed(last.Run, last.Version));
                return Task.FromResult(0);
            },
            Cancel);
        await lost.HearsAsync(last);
    }

    // A claim that has looked and found nothing: by the look the agent was heard of.
    private static async Task<Task<ClaimResponse>> WaitingAsync(Installation server, TestAgent agent, int free)
    {
        server.Clock.Advance(server.Options.Times.HeartbeatEvery + TimeSpan.FromSeconds(1));
        DateTimeOffset? now = server.Clock.GetUtcNow();
        var waiting = agent.ClaimAsync(free);
        while (!await server.Database.ReadAsync(db => db.Agents.AnyAsync(a => a.Id == agent.Id && a.LastSeen == now, Cancel), Cancel))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(10), Cancel);
        }

        return waiting;
    }
}
