using BuildRunner.Agent.Contract;
using BuildRunner.Core.AgentContract;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Agent.Output;

/// <summary>Brings one log to the server, while it grows and to its end.</summary>
/// <remarks>What is not stored there is still in the file: an upload that is given up can begin again at any time, from any place.</remarks>
internal sealed partial class LogUpload(AgentContractClient client, WorkId work, string stream, long fence, LogLimits limits, TimeProvider time, ILogger logger)
{
    // A line is visible within a fraction of a second; a step that writes a line a millisecond does not make a call of each.
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(40);
    private const int MaxRestarts = 3;

    /// <summary>Uploads until the server has all of it.</summary>
    /// <returns>False if the server takes nothing of it: the work is not this agent's any more.</returns>
    public async Task<bool> RunAsync(LogFile log, CancellationToken stop)
    {
        var buffer = new byte[limits.MaxChunk];
        var (offset, restarts) = (0L, 0);

        // What is read next was written after this: when it was last seen that there was nothing more.
        var empty = time.GetTimestamp();
        var complete = log.Completed.ContinueWith(_ => time.GetTimestamp(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        while (true)
        {
            var changed = log.ChangedAsync();
            var looked = time.GetTimestamp();
            var digest = log.Digest;
            var count = log.Read(offset, buffer);
            if (count == 0 && digest is null)
            {
                await changed.WaitAsync(stop);
                empty = time.GetTimestamp();
                continue;
            }

            var last = digest is not null && offset + count == log.Length;
            var delay = new LogDelay(time.GetElapsedTime(empty), last ? time.GetElapsedTime(await complete) : null);
            var (position, refusal) = await client.LogAsync(work, stream, fence, offset, buffer.AsMemory(0, count), last ? digest : null, delay, stop);
            if (position is null)
            {
                LogRefused(logger, stream, work, refusal!.Why);
                return false;
            }

            if (position.Ended)
            {
                return true;
            }

            if (last && position.Offset < log.Length && ++restarts > MaxRestarts)
            {
                LogRefused(logger, stream, work, "what is stored there stays different from what was sent");
                return false;
            }

            offset = Math.Min(position.Offset, log.Length);
            empty = count < buffer.Length ? looked : empty;
            if (!last && count < buffer.Length)
            {
                // What a step that has ended wrote last is not waited for: its end is told behind it.
                await Task.WhenAny(log.Completed, Task.Delay(Gather, time, stop));
                stop.ThrowIfCancellationRequested();
            }
        }
    }

    [LoggerMessage(4101, LogLevel.Warning, "the server takes nothing more of the log {Stream} of work {Work}: {Why}")]
    private static partial void LogRefused(ILogger logger, string stream, WorkId work, string why);
}
