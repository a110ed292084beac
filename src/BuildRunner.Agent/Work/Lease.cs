using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Work;

/// <summary>How long the agent may still believe that what it holds is its own (promise G5), on the monotonic clock.</summary>
internal sealed class Lease(TimeProvider time)
{
    private readonly Lock gate = new();
    private long renewed = time.GetTimestamp();
    private TimeSpan length = new AgentTimes().FenceSelfAfter;

    /// <summary>What is left; zero: it is over, and everything that runs has to end.</summary>
    public TimeSpan Left
    {
        get
        {
            lock (gate)
            {
                var left = length - time.GetElapsedTime(renewed);
                return left > TimeSpan.Zero ? left : TimeSpan.Zero;
            }
        }
    }

    /// <summary>True: everything that runs has to end, and nothing may start.</summary>
    public bool IsOver => Left == TimeSpan.Zero;

    /// <summary>The server has answered.</summary>
    /// <param name="asked">When it was asked: it may have answered a moment later and no earlier.</param>
    /// <param name="times">The server's times.</param>
    public void Renew(long asked, AgentTimes times)
    {
        lock (gate)
        {
            renewed = Math.Max(renewed, asked);
            length = times.FenceSelfAfter;
        }
    }
}
