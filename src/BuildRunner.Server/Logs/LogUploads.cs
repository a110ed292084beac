using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Telemetry;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Logs;

/// <summary>Takes logs from agents. Also after the work has ended, and when it counts as lost: what the step wrote is worth having.</summary>
internal sealed class LogUploads(Database database, LogFiles files, TimeProvider time)
{
    // The output of a step, or one log of each service of a workflow.
    private const int MaxStreams = 256;

    /// <summary>Stores a range of a stream.</summary>
    /// <returns>Where the stream stands, or why nothing was stored.</returns>
    public async Task<(LogAppend? Append, Refusal? Refusal)> AppendAsync(Guid agent, Guid work, LogRange range, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        var (owner, log, others) = await database.ReadAsync(
            async db => (
                await db.Work.SingleOrDefaultAsync(w => w.Id == work, cancellationToken),
                await db.LogStreams.SingleOrDefaultAsync(s => s.Work == work && s.Stream == range.Stream, cancellationToken),
                range.Offset == 0 ? await db.LogStreams.CountAsync(s => s.Work == work, cancellationToken) : 0),
            cancellationToken);
        if (owner is null || owner.Agent != agent || owner.Fence != range.Fence || owner.State == WorkState.Queued)
        {
            return (null, Refusal.Stale);
        }

        if (log is null && others >= MaxStreams)
        {
            return (null, new Refusal(AgentProblems.Ended, $"a piece of work has at most {MaxStreams} logs"));
        }

        if (log is { Ended: true })
        {
            return (new LogAppend.Ended(log.Bytes), null);
        }

        var append = await files.AppendAsync(owner.Run, work, range.Stream, range.Offset, bytes, range.Sha256, cancellationToken);
        ServerMeter.LogBytes.Add(append is LogAppend.Stored or LogAppend.Ended ? bytes.Length : 0);
        if (log is null || append is LogAppend.Ended)
        {
            await NoteAsync(owner.Run, work, range.Stream, append as LogAppend.Ended, cancellationToken);
        }

        if (append is LogAppend.Ended)
        {
            files.Ended(owner.Run, work, range.Stream);
        }

        Measure(range, bytes.Length, append, time.GetElapsedTime(began));
        return (append, null);
    }

    private static void Measure(LogRange range, int count, LogAppend append, TimeSpan here)
    {
        if (range.Age is { } age && count > 0 && append is LogAppend.Stored or LogAppend.Ended)
        {
            ServerMeter.LogLag.Record((age + here).TotalSeconds);
        }

        if (range.Drain is { } drain && range.Stream == LogStreams.Output && append is LogAppend.Ended)
        {
            ServerMeter.Phase("drain", drain + here);
        }
    }

    private Task NoteAsync(Guid run, Guid work, string stream, LogAppend.Ended? end, CancellationToken cancellationToken) => database.WriteAsync(
        async turn =>
        {
            if (!await turn.Db.LogStreams.AnyAsync(s => s.Work == work && s.Stream == stream))
            {
                turn.Db.Add(new LogStreamRow { Work = work, Stream = stream, Run = run, Bytes = end?.Offset ?? 0, Ended = end is not null, CreatedAt = turn.Now });
            }
            else if (end is not null)
            {
                await turn.Db.LogStreams.Where(s => s.Work == work && s.Stream == stream).ExecuteUpdateAsync(set => set
                    .SetProperty(s => s.Ended, true)
                    .SetProperty(s => s.Bytes, end.Offset));
            }
        },
        cancellationToken);
}

/// <summary>What an upload says of itself.</summary>
/// <param name="Stream">The stream's name.</param>
/// <param name="Fence">The fence of the claim.</param>
/// <param name="Offset">Of the first byte.</param>
/// <param name="Sha256">Of the whole stream, with its last bytes; null: there is more.</param>
internal sealed record LogRange(string Stream, long Fence, long Offset, string? Sha256)
{
    /// <summary>For how long the first of its bytes may have waited at the agent; null: the agent does not tell.</summary>
    public TimeSpan? Age { get; init; }

    /// <summary>How long ago the stream was complete; null: it is not, or the agent does not tell.</summary>
    public TimeSpan? Drain { get; init; }
}
