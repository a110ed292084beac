using BuildRunner.Core.AgentContract;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent.Work;

/// <summary>Renews what the agent holds, hears what it has lost or must stop, and ends everything when the server cannot be reached for too long.</summary>
internal sealed partial class Heartbeats(AgentParts parts, WorkRunner runner, Readiness readiness, Func<Task> greetAgain) : IDisposable
{
    private static readonly TimeSpan LongestTry = TimeSpan.FromSeconds(10);

    private readonly ILogger logger = parts.Loggers.CreateLogger("BuildRunner.Agent");
    private readonly SemaphoreSlim turn = new(1, 1);
    private volatile bool fenced;

    /// <summary>Beats until the agent leaves.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            var every = parts.Hello.Times.HeartbeatEvery;
            var answered = await BeatAsync(stop);
            await Task.Delay(answered ? every : TimeSpan.FromTicks(Math.Min(every.Ticks / 4, TimeSpan.TicksPerSecond)), parts.Time, stop);
        }
    }

    /// <summary>Beats once, now.</summary>
    /// <returns>Whether the server has answered.</returns>
    public async Task<bool> BeatAsync(CancellationToken stop)
    {
        await turn.WaitAsync(stop);
        try
        {
            var asked = parts.Time.GetTimestamp();
            var work = parts.Holdings.All;
            var (pulls, ahead) = (parts.Pulls.Take(), parts.Ahead.Take());
            var request = new HeartbeatRequest
            {
                Session = parts.Session,
                Work = [.. work.Where(w => !w.Gone.IsCancellationRequested).Select(w => new LeaseRenewal(w.Id, w.Fence))],
                FreeDisk = readiness.FreeDisk,
                Unready = readiness.Unready,
                Pulls = pulls,
                Ahead = ahead,
            };
            var limit = parts.Hello.Times.HeartbeatEvery < LongestTry ? parts.Hello.Times.HeartbeatEvery : LongestTry;
            if (await parts.Client.HeartbeatOnceAsync(request, limit, stop) is not { } answer)
            {
                parts.Pulls.PutBack(pulls);
                parts.Ahead.PutBack(ahead);
                return false;
            }

            await ObeyAsync(answer, work, asked);
            return true;
        }
        finally
        {
            turn.Release();
        }
    }

    /// <summary>Ends what runs when the lease is over, until the agent leaves.</summary>
    public async Task FenceAsync(CancellationToken stop)
    {
        while (true)
        {
            var left = parts.Lease.Left;
            if (left > TimeSpan.Zero)
            {
                await Task.Delay(left + TimeSpan.FromMilliseconds(1), parts.Time, stop);
                continue;
            }

            if (!fenced)
            {
                LogFenced(logger, parts.Hello.Times.FenceSelfAfter.TotalSeconds, parts.Holdings.All.Count);
                fenced = true;
            }

            foreach (var work in parts.Holdings.All.Where(w => w.Item is not null))
            {
                work.KillNow();
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), parts.Time, stop);
        }
    }

    public void Dispose() => turn.Dispose();

    private async Task ObeyAsync(HeartbeatResponse answer, IReadOnlyList<WorkInHand> asked, long at)
    {
        foreach (var work in asked.Where(w => answer.Refused.Contains(w.Id) && !w.IsTelling))
        {
            LogRefused(logger, work.Id);
            work.GiveUp();
        }

        // Before the lease is renewed: what the server has refused is not renewed with it.
        parts.Lease.Renew(at, parts.Hello.Times);
        parts.Leases.Extend();
        foreach (var order in answer.Stops)
        {
            runner.Stop(order);
        }

        if (fenced && !parts.Lease.IsOver)
        {
            fenced = false;
            await greetAgain();
        }
    }

    [LoggerMessage(4011, LogLevel.Error, "the server could not be reached for {Seconds} s: all work in hand is ended here ({Count} in all), because the server will give it away")]
    private static partial void LogFenced(ILogger logger, double seconds, int count);

    [LoggerMessage(4012, LogLevel.Warning, "work {Work} is not this agent's any more; it is ended")]
    private static partial void LogRefused(ILogger logger, WorkId work);
}
