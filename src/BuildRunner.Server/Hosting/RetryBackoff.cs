using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Hosting;

/// <summary>Trouble of something that is done over and over. It is said when it begins and when it is over, not each time; and between two tries it waits, each time longer.</summary>
/// <param name="what">What is done, as the beginning of a sentence: <c>reporting checks</c>.</param>
/// <param name="time">The clock of the pauses.</param>
/// <param name="logger">Where it is said.</param>
internal sealed partial class RetryBackoff(string what, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1), Longest = TimeSpan.FromSeconds(5);
    private TimeSpan pause;
    private string? said;

    /// <summary>Does it once each period until it is stopped. Trouble is told as this class says, and ends nothing.</summary>
    /// <param name="period">From one to the next.</param>
    /// <param name="round">Does it.</param>
    /// <param name="stop">Ends it: the server does.</param>
    public async Task EveryAsync(TimeSpan period, Func<Task> round, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(period, time);
        while (await timer.WaitForNextTickAsync(stop))
        {
            try
            {
                await round();
                Worked();
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                // The database may be away; what is left to do stays where it is, and the next look comes soon.
                await FailedAsync(e, stop);
            }
        }
    }

    /// <summary>It did not succeed. Returns when it is to be tried again.</summary>
    public async Task FailedAsync(Exception problem, CancellationToken stop)
    {
        pause = pause == TimeSpan.Zero ? First : pause + pause < Longest ? pause + pause : Longest;
        Say(problem);
        await Task.Delay(pause, time, stop);
    }

    /// <summary>It succeeded.</summary>
    public void Worked()
    {
        pause = TimeSpan.Zero;
        if (said is not null)
        {
            said = null;
            LogOver(logger, what);
        }
    }

    // What passes by itself is a sentence, and the same however it shows itself; anything else comes with where it happened, once for each kind.
    private void Say(Exception problem)
    {
        var passing = Faults.WhyNotNow(problem);
        var kind = passing is null ? problem.GetType().Name : "passing";
        if (said == kind)
        {
            return;
        }

        said = kind;
        if (passing is not null)
        {
            LogWaits(logger, what, passing);
        }
        else
        {
            LogFailed(logger, what, problem);
        }
    }

    [LoggerMessage(3151, LogLevel.Error, "{What} did not succeed; it is tried again, and said when it succeeds")]
    private static partial void LogFailed(ILogger logger, string what, Exception exception);

    [LoggerMessage(3152, LogLevel.Error, "{What} waits: {Why}; it is tried again, and said when it succeeds")]
    private static partial void LogWaits(ILogger logger, string what, string why);

    [LoggerMessage(3153, LogLevel.Information, "{What} succeeds again")]
    private static partial void LogOver(ILogger logger, string what);
}
