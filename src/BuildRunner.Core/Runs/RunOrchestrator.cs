using System.Collections.Concurrent;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>The one writer of run state: applies facts one after the other per run, saves, then hands the effects out.</summary>
/// <param name="store">Where runs are kept.</param>
/// <param name="time">The clock.</param>
/// <param name="evaluate">Judges late conditions; null: the language of <c>when.evaluate</c> does.</param>
/// <param name="saved">Called after each save, in order per run, before the next fact of that run is applied: it must be quick and must not wait
/// for another fact of the same run.</param>
public sealed class RunOrchestrator(IRunStore store, TimeProvider time, LateConditionJudge? evaluate, Func<RunChange, ValueTask> saved)
{
    private const int MaxConflicts = 20;
    private readonly ConcurrentDictionary<RunId, Gate> gates = new();

    /// <summary>Stores a new run. Nothing happens before <see cref="RunFact.Begin"/> is applied.</summary>
    public async Task<RunState> CreateAsync(RunId id, RunPlan plan, CancellationToken cancellationToken)
    {
        var state = new RunMachine(plan, evaluate).Create(id, time.GetUtcNow());
        await store.CreateAsync(plan, state, cancellationToken);
        return state;
    }

    /// <summary>Applies a fact.</summary>
    /// <returns>Null if it was taken; otherwise why it was refused. Whoever reported it must then not go on with what it announced.</returns>
    /// <exception cref="KeyNotFoundException">There is no such run.</exception>
    public async Task<string?> ApplyAsync(RunId id, RunFact fact, CancellationToken cancellationToken)
    {
        var gate = gates.GetOrAdd(id, _ => new Gate());
        await gate.Turn.WaitAsync(cancellationToken);
        try
        {
            for (var conflicts = 0; conflicts < MaxConflicts; conflicts++)
            {
                var run = await store.LoadAsync(id, cancellationToken) ?? throw new KeyNotFoundException($"there is no run {id}");
                gate.Machine ??= new RunMachine(run.Plan, evaluate);
                var transition = gate.Machine.Apply(run.State, fact, time.GetUtcNow());
                if (transition.Refusal is { } refusal)
                {
                    return refusal;
                }

                if (await store.SaveAsync(transition.State, run.Version, transition.Effects, cancellationToken))
                {
                    await saved(new RunChange(id, fact, run.State, transition.State, transition.Effects));
                    Forget(id, transition.State);
                    return null;
                }
            }

            throw new InvalidOperationException($"run {id} was changed by others {MaxConflicts} times in a row; is another server writing to it?");
        }
        finally
        {
            gate.Turn.Release();
        }
    }

    private void Forget(RunId id, RunState state)
    {
        if (state.Result is not null)
        {
            gates.TryRemove(id, out _);
        }
    }

    private sealed class Gate
    {
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public RunMachine? Machine { get; set; }
    }
}

/// <summary>A change of a run's state that was saved.</summary>
/// <param name="Run">Which run.</param>
/// <param name="Fact">What happened.</param>
/// <param name="Before">The state before.</param>
/// <param name="After">The state now.</param>
/// <param name="Effects">What to do now.</param>
public sealed record RunChange(RunId Run, RunFact Fact, RunState Before, RunState After, IReadOnlyList<Effect> Effects);
