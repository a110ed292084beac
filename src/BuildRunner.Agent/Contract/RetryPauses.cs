using System.Security.Cryptography;

namespace BuildRunner.Agent.Contract;

/// <summary>The pauses between tries of one call: they double from a tenth of a second to ten seconds, each a little different, so that agents that lost
/// their server at one moment do not come back at one moment.</summary>
internal sealed class RetryPauses
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private TimeSpan next = First;

    /// <summary>The pause before the next try.</summary>
    /// <param name="wanted">What the server asked for; null: nothing. It is never waited longer than a minute.</param>
    public TimeSpan Next(TimeSpan? wanted = null)
    {
        var pause = next * (0.75 + (RandomNumberGenerator.GetInt32(500) / 1000.0));
        next = next + next < Longest ? next + next : Longest;
        return wanted is { } asked && asked > pause ? TimeSpan.FromTicks(Math.Min(asked.Ticks, TimeSpan.TicksPerMinute)) : pause;
    }
}
