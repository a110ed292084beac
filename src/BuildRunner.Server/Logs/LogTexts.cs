using System.Runtime.CompilerServices;
using System.Text;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Logs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Logs;

/// <summary>Finds logs by the names that people use, and reads them as lines.</summary>
internal sealed class LogTexts(Database database, LogFiles files, LogReader reader)
{
    private const int ReadAtOnce = 256 * 1024;

    /// <summary>The log of a step or service in a run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="wanted">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What there is of it; <see cref="FoundLog.Key"/> is null as long as nothing was taken that could write it.</returns>
    public Task<FoundLog> FindAsync(RunRow run, WantedLog wanted, CancellationToken cancellationToken) => database.ReadAsync(
        async db =>
        {
            // A rerun keeps what it need not do again; the log of that lies with the attempt that did it.
            var attempts = await db.Runs
                .Where(r => r.Repository == run.Repository && r.Number == run.Number && r.Attempt <= run.Attempt)
                .OrderByDescending(r => r.Attempt)
                .Select(r => r.Id)
                .ToListAsync(cancellationToken);
            foreach (var id in attempts)
            {
                if (await WorkAsync(db, id, wanted, cancellationToken) is { } work)
                {
                    var stream = wanted.IsService ? LogStreams.Service(wanted.Step) : LogStreams.Output;
                    var row = await db.LogStreams.SingleOrDefaultAsync(s => s.Work == work.Id && s.Stream == stream, cancellationToken);
                    var over = row?.Ended ?? await db.Runs.AnyAsync(r => r.Id == id && r.Stage == RunStage.Ended, cancellationToken);
                    return new FoundLog(new LogKey(id, work.Id, stream), over, await MissingAsync(db, id, row, cancellationToken));
                }
            }

            return new FoundLog(null, run.Stage == RunStage.Ended, null);
        },
        cancellationToken);

    /// <summary>The lines from a byte offset on, each with the offset behind it.</summary>
    public async IAsyncEnumerable<(LogEntry Line, long Next)> LinesAsync(LogKey log, long offset, bool follow, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var number = await LinesBeforeAsync(log, offset, cancellationToken);
        await foreach (var (frame, next) in reader.ReadAsync(log, offset, follow, cancellationToken))
        {
            yield return (Entry(frame, ++number), next);
        }
    }

    /// <summary>Where the last so many lines begin.</summary>
    public async Task<long> TailAsync(LogKey log, int lines, CancellationToken cancellationToken)
    {
        var last = new Queue<long>();
        await foreach (var (frame, next) in reader.ReadAsync(log, 0, follow: false, cancellationToken))
        {
            last.Enqueue(next - frame.Size);
            if (last.Count > lines)
            {
                last.Dequeue();
            }
        }

        return last.Count == 0 ? 0 : last.Peek();
    }

    /// <summary>Writes what a step wrote, from an offset on: both streams in order, and in square brackets what BuildRunner says.</summary>
    public async Task WriteTextAsync(LogKey log, long offset, Stream into, CancellationToken cancellationToken)
    {
        await foreach (var (frame, _) in reader.ReadAsync(log, offset, follow: false, cancellationToken))
        {
            if (frame.Stream == LogStream.System)
            {
                await into.WriteAsync("["u8.ToArray(), cancellationToken);
            }

            await into.WriteAsync(frame.Text, cancellationToken);
            if (frame.Stream == LogStream.System)
            {
                await into.WriteAsync("]"u8.ToArray(), cancellationToken);
            }

            if (!frame.Unterminated)
            {
                await into.WriteAsync("\n"u8.ToArray(), cancellationToken);
            }
        }
    }

    /// <summary>Opens the stored frames; null: there are none.</summary>
    public FileStream? OpenRaw(LogKey log) => files.Open(log.Run, log.Work, log.Stream);

    private static Task<WorkRow?> WorkAsync(Db db, Guid run, WantedLog wanted, CancellationToken cancellationToken)
    {
        var works = db.Work.Where(w => w.Run == run && w.Workflow == wanted.Workflow && w.Agent != null);
        return wanted.IsService
            ? works.FirstOrDefaultAsync(w => w.Kind == WorkKind.Start, cancellationToken)
            : works
                .Where(w => w.Kind == WorkKind.Step && w.Step == wanted.Step && (wanted.Try == null || w.Attempt == wanted.Try))
                .OrderByDescending(w => w.Attempt)
                .FirstOrDefaultAsync(cancellationToken);
    }

    private static async Task<string?> MissingAsync(Db db, Guid run, LogStreamRow? row, CancellationToken cancellationToken) =>
        row?.Missing ?? (await db.Runs.Where(r => r.Id == run).Select(r => r.LogsRemovedAt).SingleAsync(cancellationToken) is { } removed
            ? $"it was removed on {removed:yyyy-MM-dd}, because it was older than logs are kept (setting Logs:Retention)"
            : null);

    // Only heads are looked at, but all of them: where a line's number is asked for, its reader has lost the connection, which is rare.
    private async Task<long> LinesBeforeAsync(LogKey log, long offset, CancellationToken cancellationToken)
    {
        if (offset == 0 || OpenRaw(log) is not { } file)
        {
            return 0;
        }

        await using (file)
        {
            long lines = 0, at = 0;
            var buffer = new byte[ReadAtOnce];
            while (at < offset)
            {
                file.Position = at;
                var read = await file.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
                var used = 0;
                var whole = true;
                while (whole && at + used < offset && read - used >= LogFrame.HeaderSize)
                {
                    // Whoever uploaded it may have written anything: no other length can be gone over.
                    var length = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(buffer.AsSpan(used + 8));
                    whole = length is >= 0 and <= LogFrame.MaxText;
                    used += whole ? LogFrame.HeaderSize + length : 0;
                    lines += whole ? 1 : 0;
                }

                if (used == 0 || !whole)
                {
                    break;
                }

                at += used;
            }

            return lines;
        }
    }

    private static LogEntry Entry(LogFrame frame, long number)
    {
        string? text = null;
        try
        {
            text = Strict.GetString(frame.Text.Span);
        }
        catch (DecoderFallbackException)
        {
            // Not text; it goes as it is.
        }

        return new LogEntry
        {
            N = number,
            At = frame.At,
            S = frame.Stream switch { LogStream.Out => "out", LogStream.Error => "err", _ => "sys" },
            Text = text,
            Base64 = text is null ? Convert.ToBase64String(frame.Text.Span) : null,
        };
    }

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
}

/// <summary>A log that somebody wants.</summary>
/// <param name="Workflow">The workflow.</param>
/// <param name="Step">The step or service.</param>
/// <param name="IsService">True: a service.</param>
/// <param name="Try">The step's attempt; null: the last.</param>
internal sealed record WantedLog(string Workflow, string Step, bool IsService, int? Try);

/// <summary>A log that was found.</summary>
/// <param name="Key">Where it is; null: nothing has written to it yet.</param>
/// <param name="Ended">True: nothing more comes.</param>
/// <param name="Missing">Why bytes of it are missing, as a sentence; null: none are.</param>
internal sealed record FoundLog(LogKey? Key, bool Ended, string? Missing);
