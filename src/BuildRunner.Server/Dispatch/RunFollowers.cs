using System.Collections.Concurrent;

namespace BuildRunner.Server.Dispatch;

/// <summary>Tells whoever follows a run at this server that it has changed. What has changed is read from the database: a signal may come late, twice or for nothing.</summary>
internal sealed class RunFollowers
{
    private readonly ConcurrentDictionary<Guid, TaskCompletionSource> signals = new();

    /// <summary>Completes at the next change; to be asked for before looking.</summary>
    public Task NextAsync(Guid run) => signals.GetOrAdd(run, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>A run has changed.</summary>
    public void Changed(Guid run)
    {
        if (signals.TryRemove(run, out var signal))
        {
            signal.TrySetResult();
        }
    }
}
