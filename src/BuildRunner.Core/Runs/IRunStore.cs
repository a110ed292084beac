using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>Keeps runs. Saving is optimistic: who saves names the version that was read.</summary>
public interface IRunStore
{
    /// <summary>Stores a new run with version 1.</summary>
    /// <exception cref="InvalidOperationException">There is a run of that id.</exception>
    Task CreateAsync(RunPlan plan, RunState state, CancellationToken cancellationToken);

    /// <summary>Loads a run; null if there is none of that id.</summary>
    Task<StoredRun?> LoadAsync(RunId id, CancellationToken cancellationToken);

    /// <summary>Saves a state and its effects together, as the next version.</summary>
    /// <param name="state">The new state.</param>
    /// <param name="version">The version that the new state was made from.</param>
    /// <param name="effects">What has to be done about it; a durable store keeps them until they are done.</param>
    /// <param name="cancellationToken">Gives up; it is then not known whether the state was saved.</param>
    /// <returns>False if somebody else saved in between; nothing was stored.</returns>
    Task<bool> SaveAsync(RunState state, long version, IReadOnlyList<Effect> effects, CancellationToken cancellationToken);
}

/// <summary>A run as it was loaded.</summary>
/// <param name="Plan">What it does; never changes.</param>
/// <param name="State">What has happened.</param>
/// <param name="Version">From 1, one higher with each save.</param>
public sealed record StoredRun(RunPlan Plan, RunState State, long Version);
