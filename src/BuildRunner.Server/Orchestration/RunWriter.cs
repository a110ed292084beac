using System.Text.Json;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Webhooks;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Orchestration;

/// <summary>The one writer of run state at the server. State, queue and whatever the caller writes besides are stored in one transaction or not at all.</summary>
/// <remarks>
/// There is nothing to carry out after the commit but ringing: every effect of the machine is a row. So a server that dies between two instructions leaves either
/// all of a fact or nothing of it (docs/decisions/0010).
/// </remarks>
internal sealed class RunWriter(RunPlans plans, QueueRows queue, OutboxNotes outbox)
{
    /// <summary>Applies a fact inside a turn.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="run">Which.</param>
    /// <param name="fact">What has happened.</param>
    /// <param name="served">What <see cref="RunRow.LastServed"/> becomes; null: it stays.</param>
    /// <returns>Null if it was taken; otherwise why it was refused, and nothing was written.</returns>
    /// <exception cref="KeyNotFoundException">There is no such run.</exception>
    public async Task<string?> ApplyAsync(WriteTurn turn, Guid run, RunFact fact, long? served = null)
    {
        var head = await turn.HoldAsync(run) ?? throw new KeyNotFoundException($"there is no run {run:N}");
        if (head.State is null || head.Stage == RunStage.Ended)
        {
            return "the run has ended";
        }

        if (head.Stage == RunStage.Blocked && fact is not (RunFact.Begin or RunFact.CancelRequested))
        {
            return "the run waits for an approval";
        }

        var planned = await plans.OfAsync(turn.Db, run);
        var before = JsonSerializer.Deserialize(head.State, RunJson.Default.RunState)!;
        var transition = planned.Machine.Apply(before, fact, turn.Now);
        if (transition.Refusal is { } refusal)
        {
            return refusal;
        }

        await SaveAsync(turn, head, planned.Plan, transition.State, served ?? head.LastServed);
        Tell(turn, head, StageOf(transition.State));
        await CarryOutAsync(turn, head, planned, before, transition);
        turn.Bells.Add(new Bell.Changed(run, head.Version + 1));
        return null;
    }

    /// <summary>Begins a run that this turn adds. Nobody else can know of it, so it is neither held nor read back, and is stored once, as it is then.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="run">The run, added but not saved.</param>
    /// <param name="planned">Its plan.</param>
    /// <param name="before">Its state.</param>
    public async Task BeginAsync(WriteTurn turn, RunRow run, PlannedRun planned, RunState before)
    {
        var transition = planned.Machine.Apply(before, new RunFact.Begin(), turn.Now);
        var (state, stage) = (transition.State, StageOf(transition.State));
        var head = new RunHead(run.Id, run.Repository, run.Version, run.Stage, run.State, run.Priority, run.Stranger, run.LastServed);
        run.State = JsonSerializer.Serialize(state, RunJson.Default.RunState);
        run.Version++;
        (run.Stage, run.Deadline, run.StartedAt, run.Reason) = (stage, RunMachine.NextDeadline(state), StartedAt(state), OutcomeWords.WhyEnded(planned.Plan, state));
        (run.Outcome, run.EndedAt) = (state.Result?.Outcome.Word, state.Result?.At);
        Tell(turn, head, stage);
        foreach (var effect in transition.Effects.OfType<Effect.StartWorkflow>())
        {
            await queue.StartNewAsync(turn, head, planned.Plan, effect);
        }

        await turn.Db.SaveChangesAsync();
        turn.Keep(head with { Version = run.Version, Stage = stage, State = run.State });
        foreach (var effect in transition.Effects.Where(e => e is not Effect.StartWorkflow))
        {
            if (await queue.CarryOutAsync(turn, head, planned.Plan, effect) is { } fact)
            {
                await ApplyAsync(turn, run.Id, fact);
            }
        }

        turn.Bells.Add(new Bell.Changed(run.Id, head.Version + 1));
    }

    /// <summary>The state of a run as this turn sees it.</summary>
    public static async Task<RunState> StateAsync(WriteTurn turn, Guid run) =>
        JsonSerializer.Deserialize((await turn.HoldAsync(run))!.State!, RunJson.Default.RunState)!;

    private static async Task SaveAsync(WriteTurn turn, RunHead head, RunPlan plan, RunState state, long served)
    {
        var json = JsonSerializer.Serialize(state, RunJson.Default.RunState);
        var deadline = RunMachine.NextDeadline(state);
        var stage = StageOf(state);
        var started = StartedAt(state);
        var reason = OutcomeWords.WhyEnded(plan, state);
        var next = head with { Version = head.Version + 1, Stage = stage, State = json, LastServed = served };
        var saved = await turn.Db.Runs.Where(r => r.Id == head.Id && r.Version == head.Version).ExecuteUpdateAsync(set => set
            .SetProperty(r => r.State, json)
            .SetProperty(r => r.Version, next.Version)
            .SetProperty(r => r.LastServed, served)
            .SetProperty(r => r.Stage, stage)
            .SetProperty(r => r.Deadline, deadline)
            .SetProperty(r => r.StartedAt, started)
            .SetProperty(r => r.Reason, reason)
            .SetProperty(r => r.Outcome, state.Result == null ? null : state.Result.Outcome.Word)
            .SetProperty(r => r.EndedAt, state.Result == null ? null : state.Result.At));
        if (saved != 1)
        {
            throw new StaleException($"run {head.Id:N} is no longer at version {head.Version}");
        }

        turn.Keep(next);
    }

    private static DateTimeOffset? StartedAt(RunState state) => state.Workflows.Min(w => StartOf(w.Phase) is { } at && at >= state.CreatedAt ? at : (DateTimeOffset?)null);

    private static DateTimeOffset? StartOf(WorkflowPhase phase) => phase switch
    {
        WorkflowPhase.Starting starting => starting.Since,
        WorkflowPhase.Running running => running.Since,
        WorkflowPhase.Ending ending => ending.Since,
        WorkflowPhase.Done done => done.StartedAt,
        _ => null,
    };

    private void Tell(WriteTurn turn, RunHead before, RunStage after)
    {
        if (after != before.Stage && after is RunStage.Running or RunStage.Ended)
        {
            outbox.Add(turn, before.Id, after == RunStage.Ended ? OutboxNotes.Finished : OutboxNotes.Started);
        }
    }

    private static RunStage StageOf(RunState state) => state switch
    {
        { Result: not null } => RunStage.Ended,
        _ when state.Workflows.All(w => w.Phase is WorkflowPhase.Waiting or WorkflowPhase.Queued or WorkflowPhase.Done { StartedAt: null }) => RunStage.Queued,
        _ => RunStage.Running,
    };

    private async Task CarryOutAsync(WriteTurn turn, RunHead head, PlannedRun planned, RunState before, Transition transition)
    {
        await QueueRows.CloseAsync(turn, head.Id, QueueRows.NoLongerQueued(before, transition.State));
        foreach (var effect in transition.Effects)
        {
            if (await queue.CarryOutAsync(turn, head, planned.Plan, effect) is { } fact)
            {
                await ApplyAsync(turn, head.Id, fact);
            }
        }
    }
}

/// <summary>What writing about a run needs of its row.</summary>
internal sealed record RunHead(Guid Id, Guid Repository, long Version, RunStage Stage, string? State, int Priority, bool Stranger, long LastServed)
{
    public static System.Linq.Expressions.Expression<Func<RunRow, RunHead>> Of { get; } =
        r => new RunHead(r.Id, r.Repository, r.Version, r.Stage, r.State, r.Priority, r.Stranger, r.LastServed);
}
