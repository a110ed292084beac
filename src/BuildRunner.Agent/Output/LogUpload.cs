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
        while (true)
        {
            var changed = log.ChangedAsync();
            var digest = log.Digest;
            var count = log.Read(offset, buffer);
            if (count == 0 && digest is null)
            {
                await changed.WaitAsync(stop);
                continue;
            }

            var last = digest is not null && offset + count == log.Length;
            var (position, refusal) = await client.LogAsync(work, stream, fence, offset, buffer.AsMemory(0, count), last ? digest : null, stop);
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
            if (!last && count < buffer.Length)
            {
                await Task.Delay(Gather, time, stop);
            }
        }
    }

    [LoggerMessage(4101, LogLevel.Warning, "the server takes nothing more of the log {Stream} of work {Work}: {Why}")]
    private static partial void LogRefused(ILogger logger, string stream, WorkId work, string why);
}
