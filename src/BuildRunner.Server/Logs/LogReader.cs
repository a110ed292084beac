using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Logs;

/// <summary>Reads logs, also while they are written. A reader costs the writer nothing but a signal.</summary>
internal sealed class LogReader(Database database, LogFiles files, TimeProvider time)
{
    // The bytes may have come in at another server, which shares the folder but not the signal.
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan AskAgain = TimeSpan.FromSeconds(1);
    private const int ReadAtOnce = 256 * 1024;

    // Beyond so many readers of one log each takes what came in within a moment together: hundreds that woke for every line would take the processor from the steps.
    private const int Crowd = 10;
    private static readonly TimeSpan Together = TimeSpan.FromMilliseconds(50);
    private readonly ConcurrentDictionary<LogKey, int> following = new();

    /// <summary>The frames from an offset on.</summary>
    /// <param name="log">Which log.</param>
    /// <param name="offset">Where a frame begins: 0, or what came with an earlier frame.</param>
    /// <param name="follow">True: until the log has ended; false: as far as it goes now.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Each frame with the offset behind it; its text is valid until the next one is asked for.</returns>
    public async IAsyncEnumerable<(LogFrame Frame, long Next)> ReadAsync(LogKey log, long offset, bool follow, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        following.AddOrUpdate(log, 1, (_, count) => count + 1);
        try
        {
            await foreach (var read in FramesAsync(log, offset, follow, cancellationToken))
            {
                yield return read;
            }
        }
        finally
        {
            Leave(log);
        }
    }

    private async IAsyncEnumerable<(LogFrame Frame, long Next)> FramesAsync(LogKey log, long offset, bool follow, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var buffer = new byte[ReadAtOnce];
        long? asked = null;
        var over = !follow;
        while (true)
        {
            var more = files.NextAsync(log.Run, log.Work, log.Stream);
            var began = offset;
            int read;
            while ((read = await FillAsync(log, offset, buffer, cancellationToken)) > 0)
            {
                var rest = buffer.AsMemory(0, read);
                LogFrame? damage;
                while (TryRead(rest, offset, out var frame, out damage))
                {
                    offset += frame.Size;
                    rest = rest[frame.Size..];
                    yield return (frame, offset);
                }

                if (damage is { } said)
                {
                    yield return (said, offset);
                    yield break;
                }

                if (rest.Length == read && read < buffer.Length)
                {
                    break;
                }

                buffer = rest.Length == read ? new byte[buffer.Length * 2] : buffer;
            }

            if (offset > began)
            {
                continue;
            }

            if (over)
            {
                yield break;
            }

            if (asked is null || more.IsCompleted || time.GetElapsedTime(asked.Value) >= AskAgain)
            {
                // Once more from the beginning: what was written before it ended may have come after this look.
                asked = time.GetTimestamp();
                over = await IsOverAsync(log, cancellationToken);
                if (over)
                {
                    continue;
                }
            }

            await Task.WhenAny(more, Task.Delay(LookAgain, time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
            if (more.IsCompleted && following.GetValueOrDefault(log) > Crowd)
            {
                await Task.Delay(Together, time, cancellationToken);
            }
        }
    }

    private void Leave(LogKey log)
    {
        if (following.AddOrUpdate(log, 0, (_, count) => count - 1) <= 0)
        {
            // Only while nobody has come meanwhile.
            following.TryRemove(KeyValuePair.Create(log, 0));
        }
    }

    // An agent uploads what it likes, and an offset may be anybody's guess: a log that goes on with no frame ends there, and says so.
    private static bool TryRead(ReadOnlyMemory<byte> from, long offset, out LogFrame frame, out LogFrame? damage)
    {
        damage = null;
        try
        {
            return LogFrame.TryRead(from, out frame);
        }
        catch (InvalidDataException)
        {
            var said = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"no line begins at byte {offset} of this log: what follows cannot be shown, but downloaded raw");
            damage = new LogFrame(LogStream.System, DateTimeOffset.UnixEpoch, Unterminated: false, System.Text.Encoding.UTF8.GetBytes(said));
            frame = default;
            return false;
        }
    }

    private async Task<int> FillAsync(LogKey log, long offset, byte[] buffer, CancellationToken cancellationToken)
    {
        if (files.Open(log.Run, log.Work, log.Stream) is not { } file)
        {
            return 0;
        }

        await using (file)
        {
            file.Position = Math.Min(offset, file.Length);
            return await file.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        }
    }

    // A log ends when its uploader says so; one that never will, because its agent is gone, ends with the run.
    private Task<bool> IsOverAsync(LogKey log, CancellationToken cancellationToken) => database.ReadAsync(
        async db =>
            await db.LogStreams.AnyAsync(s => s.Work == log.Work && s.Stream == log.Stream && s.Ended, cancellationToken)
            || await db.Runs.AnyAsync(r => r.Id == log.Run && r.Stage == RunStage.Ended, cancellationToken),
        cancellationToken);
}

/// <summary>Names a log.</summary>
/// <param name="Run">The run.</param>
/// <param name="Work">The work that writes it.</param>
/// <param name="Stream">The stream.</param>
internal sealed record LogKey(Guid Run, Guid Work, string Stream);
