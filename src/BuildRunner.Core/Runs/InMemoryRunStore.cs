using System.Collections.Concurrent;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>Keeps runs as long as the process lives, for <c>run</c> and for tests.</summary>
public sealed class InMemoryRunStore : IRunStore
{
    private readonly ConcurrentDictionary<RunId, StoredRun> runs = new();

    /// <inheritdoc/>
    public Task CreateAsync(RunPlan plan, RunState state, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(state);
        return runs.TryAdd(state.Id, new StoredRun(plan, state, 1))
            ? Task.CompletedTask
            : throw new InvalidOperationException($"there is a run {state.Id} already");
    }

    /// <inheritdoc/>
    public Task<StoredRun?> LoadAsync(RunId id, CancellationToken cancellationToken) => Task.FromResult(runs.GetValueOrDefault(id));

    /// <inheritdoc/>
    public Task<bool> SaveAsync(RunState state, long version, IReadOnlyList<Effect> effects, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(state);
        var saved = runs.TryGetValue(state.Id, out var old)
            && old.Version == version
            && runs.TryUpdate(state.Id, old with { State = state, Version = version + 1 }, old);
        return Task.FromResult(saved);
    }
}
