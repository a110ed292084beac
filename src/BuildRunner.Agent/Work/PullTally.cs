using BuildRunner.Containers.Images;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Work;

/// <summary>Adds up what pulls of images cost, until a beat has told the server.</summary>
internal sealed class PullTally
{
    private readonly Lock gate = new();
    private long bytes;
    private int hits;

    /// <summary>Watches one pull.</summary>
    public IProgress<PullProgress> Watch() => new Pull(this);

    /// <summary>What has come together since the last call; null: nothing.</summary>
    public ImagePulls? Take()
    {
        lock (gate)
        {
            var taken = bytes == 0 && hits == 0 ? null : new ImagePulls(bytes, hits);
            (bytes, hits) = (0, 0);
            return taken;
        }
    }

    /// <summary>Takes back what the server was not told.</summary>
    public void PutBack(ImagePulls? pulls) => Add(pulls?.Bytes ?? 0, pulls?.Hits ?? 0);

    private void Add(long more, int there)
    {
        lock (gate)
        {
            bytes += more;
            hits += there;
        }
    }

    // An image of which nothing had to be loaded was there. A pull that fails has cost what it has loaded.
    private sealed class Pull(PullTally tally) : IProgress<PullProgress>
    {
        private long loaded;

        public void Report(PullProgress value)
        {
            var before = Interlocked.Exchange(ref loaded, Math.Max(value.Bytes, Volatile.Read(ref loaded)));
            if (value.Bytes > before)
            {
                tally.Add(value.Bytes - before, 0);
            }
            else if (value.Phase == PullPhase.Done && before == 0)
            {
                tally.Add(0, 1);
            }
        }
    }
}
