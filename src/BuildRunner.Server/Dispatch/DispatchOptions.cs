using BuildRunner.Core.AgentContract;

namespace BuildRunner.Server.Dispatch;

/// <summary>How work is handed out and taken back.</summary>
public sealed record DispatchOptions
{
    /// <summary>What agents are told.</summary>
    public AgentTimes Times { get; init; } = new();

    /// <summary>Between two looks for leases that have ended, limits that have passed and work that nobody has noticed.</summary>
    public TimeSpan SweepEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The doorbell is rung again for work that waits this long.</summary>
    public TimeSpan RingAgainAfter { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>An agent that was not heard of for this long is gone, and with it its workspaces.</summary>
    public TimeSpan AgentGoneAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often work that was not started is queued again before it ends with <c>error(poison)</c>.</summary>
    public int MaxReturns { get; init; } = 3;

    /// <summary>Whether strangers' pull requests may run on an agent that shares the server's process.</summary>
    public bool EmbeddedAgentTakesStrangers { get; init; }

    /// <summary>Options whose times are all in the same proportion to how often agents renew what they hold (promise G5).</summary>
    public static DispatchOptions Of(TimeSpan renew) => new()
    {
        Times = new AgentTimes { HeartbeatEvery = renew, FenceSelfAfter = 3 * renew, Lease = 4 * renew, GiveAwayAfter = 5 * renew },
        AgentGoneAfter = 20 * renew,
    };

    /// <summary>What is wrong with it, a sentence each.</summary>
    public IEnumerable<string> Problems()
    {
        if (Times.HeartbeatEvery <= TimeSpan.Zero || Times.HeartbeatEvery >= Times.FenceSelfAfter)
            yield return "the heartbeat must be more frequent than the time after which an agent fences itself";
        if (Times.FenceSelfAfter >= Times.Lease)
            yield return "an agent must fence itself before its lease ends";
        if (Times.Lease >= Times.GiveAwayAfter)
            yield return "a lease must end before the work is given away";
        if (AgentGoneAfter <= Times.GiveAwayAfter)
            yield return "an agent can only be gone when its work has been given away";
        if (MaxReturns < 0)
            yield return "work cannot return less than 0 times";
    }
}
