using BuildRunner.Server.Logs;
using Microsoft.Extensions.Caching.Memory;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>Scans of logs that are in use. A log only grows, so each byte is read once, however often the checks of its run are reported.</summary>
internal sealed class LogScans(LogReader logs) : IDisposable
{
    // One holds at most its last lines and thirty marks.
    private readonly MemoryCache kept = new(new MemoryCacheOptions { SizeLimit = 2000 });

    /// <summary>How many bytes of logs were read so far.</summary>
    public long BytesRead { get; private set; }

    /// <summary>The scan of a log as far as it goes now.</summary>
    /// <param name="log">Which.</param>
    /// <param name="root">Where the step's tree was; null: not known.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<LogScan> OfAsync(LogKey log, string? root, CancellationToken cancellationToken)
    {
        var known = kept.GetOrCreate(log, entry =>
        {
            entry.Size = 1;
            entry.SlidingExpiration = TimeSpan.FromMinutes(30);
            return new Known(new LogScan(root));
        })!;
        await known.Gate.WaitAsync(cancellationToken);
        try
        {
            await foreach (var (frame, next) in logs.ReadAsync(log, known.Next, follow: false, cancellationToken))
            {
                known.Scan.Add(frame);
                BytesRead += next - known.Next;
                known.Next = next;
            }

            var now = known.Scan.Copy();
            now.End();
            return now;
        }
        finally
        {
            known.Gate.Release();
        }
    }

    /// <summary>Lets go of all.</summary>
    public void Dispose() => kept.Dispose();

    private sealed class Known(LogScan scan)
    {
        public SemaphoreSlim Gate { get; } = new(1, 1);

        public LogScan Scan => scan;

        public long Next { get; set; }
    }
}
