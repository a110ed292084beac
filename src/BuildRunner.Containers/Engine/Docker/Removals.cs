namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Removes containers that have ended when nothing is being prepared: a removal costs an engine half as much as a start, and nobody waits for it.</summary>
/// <param name="time">The clock.</param>
internal sealed class Removals(TimeProvider time)
{
    /// <summary>With so many put off, one more is removed at once: each takes memory of the engine.</summary>
    private const int MostPutOff = 8;

    /// <summary>Long before the time in which what has ended must be gone (promise G8).</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(15);

    private readonly Lock gate = new();
    private readonly List<(DockerContainer Container, Task Removal)> removals = [];
    private TaskCompletionSource quiet = Completed();
    private int preparing, putOff;

    /// <summary>A container is being prepared until the result is disposed.</summary>
    public IDisposable WhilePreparing()
    {
        lock (gate)
        {
            if (preparing++ == 0)
            {
                quiet = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        return new Preparation(this);
    }

    /// <summary>Has a container removed a little later.</summary>
    public void Add(DockerContainer container)
    {
        lock (gate)
        {
            removals.RemoveAll(r => r.Removal.IsCompletedSuccessfully);
            removals.Add((container, RemoveAsync(container, putOff < MostPutOff ? quiet.Task : Task.CompletedTask)));
        }
    }

    /// <summary>Puts nothing off any more; completes when all of a kind are removed.</summary>
    public Task FinishAsync(Func<DockerContainer, bool> kind)
    {
        lock (gate)
        {
            // One that is still being prepared is removed by whoever prepares it.
            preparing = int.MinValue / 2;
            quiet.TrySetResult();
            return Task.WhenAll(removals.Where(r => kind(r.Container)).Select(r => r.Removal));
        }
    }

    private async Task RemoveAsync(DockerContainer container, Task until)
    {
        if (!until.IsCompleted)
        {
            Interlocked.Increment(ref putOff);
            using var limit = new CancellationTokenSource(Longest, time);
            await until.WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            Interlocked.Decrement(ref putOff);
        }

        await container.GoneAsync();
    }

    private void EndPreparation()
    {
        lock (gate)
        {
            if (--preparing == 0)
            {
                quiet.TrySetResult();
            }
        }
    }

    private static TaskCompletionSource Completed()
    {
        var done = new TaskCompletionSource();
        done.SetResult();
        return done;
    }

    private sealed class Preparation(Removals all) : IDisposable
    {
        private int ended;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref ended, 1) == 0)
            {
                all.EndPreparation();
            }
        }
    }
}
