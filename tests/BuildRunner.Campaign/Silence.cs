namespace BuildRunner.Campaign;

/// <summary>How long an agent that lives has had to do without an answer to its heartbeats. After long it has to end what it has (promise G5), whatever its servers say of themselves.</summary>
/// <param name="patience">After which an agent does not wait for an answer any more.</param>
public sealed class Silence(TimeSpan patience)
{
    private readonly Lock gate = new();
    private long? since;
    private TimeSpan longest;

    /// <summary>A heartbeat is on its way.</summary>
    public void Asked()
    {
        lock (gate)
        {
            since ??= TimeProvider.System.GetTimestamp();
        }
    }

    /// <summary>It was answered.</summary>
    /// <param name="asked">When it had been sent.</param>
    public void Answered(long asked)
    {
        if (TimeProvider.System.GetElapsedTime(asked) < patience)
        {
            End();
        }
    }

    /// <summary>The agent is dead, and waits for nothing.</summary>
    public void End()
    {
        lock (gate)
        {
            longest = Now;
            since = null;
        }
    }

    /// <summary>The longest one since this was called last.</summary>
    public TimeSpan Take()
    {
        lock (gate)
        {
            var took = Now;
            longest = TimeSpan.Zero;
            return took;
        }
    }

    private TimeSpan Now => since is { } begin && TimeProvider.System.GetElapsedTime(begin) is var current && current > longest ? current : longest;
}
