using BuildRunner.Agent.Work;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Tests.Work;

public sealed class Work_in_hand
{
    /// <summary>A heartbeat goes through a list that was made before: a piece of work in it may end at any moment.</summary>
    [Fact]
    public void Whoever_still_looks_at_work_that_has_ended_may_ask_and_order_as_before()
    {
        var work = new WorkInHand(new WorkId(Guid.NewGuid()), fence: 1, weightless: false);
        work.Dispose();
        Assert.False(work.Gone.IsCancellationRequested || work.Kill.IsCancellationRequested || work.Stop.IsCancellationRequested);
        work.GiveUp();
        work.KillNow();
        work.StopBy(new StopReason.Cancelled("a person asked for it"));
    }
}
