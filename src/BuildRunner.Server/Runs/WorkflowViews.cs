using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Orchestration;

namespace BuildRunner.Server.Runs;

/// <summary>Workflows and steps as the API shows them: each with its state, and with the reason for it. Pure.</summary>
internal static class WorkflowViews
{
    /// <summary>A workflow.</summary>
    /// <param name="run">Its run.</param>
    /// <param name="whole">What was planned for the run.</param>
    /// <param name="plan">What was planned for the workflow.</param>
    /// <param name="of">The run's state.</param>
    /// <param name="agent">The name of its agent; null: it has none.</param>
    /// <param name="queue">What waits, and why.</param>
    public static WorkflowDetails Of(Guid run, RunPlan whole, WorkflowPlan plan, RunState of, string? agent, QueueLook queue) => Of(run, whole, plan, of.Workflow(plan.Name), of, agent, queue);

    private static WorkflowDetails Of(Guid run, RunPlan whole, WorkflowPlan plan, WorkflowState state, RunState of, string? agent, QueueLook queue) => new()
    {
        Name = plan.Name,
        Label = plan.Label,
        Matrix = plan.Matrix,
        File = plan.File,
        State = Word(state.Phase),
        Reason = state.Phase switch
        {
            WorkflowPhase.Waiting => WaitsFor(plan.DependsOn, name => of.Workflows.FirstOrDefault(w => w.Name == name)?.Phase is WorkflowPhase.Done, "workflow", name => whole.Workflows.FirstOrDefault(w => w.Name == name)?.Label ?? name),
            WorkflowPhase.Queued => queue.Reason(run, plan.Name, step: ""),
            WorkflowPhase.Done done => OutcomeWords.Why(done.Outcome) ?? (state.Halt is { } halt ? OutcomeWords.Why(halt) : null),
            _ => state.Halt is { } ending ? OutcomeWords.Why(ending) : null,
        },
        Agent = agent,
        StartedAt = state.Phase switch
        {
            WorkflowPhase.Starting starting => starting.Since,
            WorkflowPhase.Running running => running.Since,
            WorkflowPhase.Ending ending => ending.Since,
            WorkflowPhase.Done done => done.StartedAt,
            _ => null,
        },
        EndedAt = (state.Phase as WorkflowPhase.Done)?.At,
        DependsOn = [.. plan.DependsOn.Select(d => d.Name)],
        Steps = [.. plan.Steps.Select(s => Of(run, plan.Name, s, state.Step(s.Name), state, queue))],
        Services = [.. plan.Services.Select(s => Of(run, plan.Name, s, state.Services.FirstOrDefault(o => o.Name == s.Name), state, queue))],
    };

    private static StepDetails Of(Guid run, string workflow, StepPlan plan, StepState? state, WorkflowState of, QueueLook queue)
    {
        var phase = state?.Phase ?? new StepPhase.Waiting();
        return new StepDetails
        {
            Name = plan.Name,
            Kind = plan.Kind.ToString().ToLowerInvariant(),
            Image = (phase as StepPhase.Running)?.Image ?? state?.Attempts.LastOrDefault()?.Image ?? plan.Image,
            State = Word(phase),
            Conclusion = (phase as StepPhase.Done)?.Conclusion.Word,
            Reason = phase switch
            {
                StepPhase.Waiting => WaitsFor(plan.DependsOn, name => of.Steps.FirstOrDefault(s => s.Name == name)?.Phase is StepPhase.Done, "step", name => name),
                StepPhase.Queued => queue.Reason(run, workflow, plan.Name),
                StepPhase.Preparing { Stop: { } stop } => Words(stop),
                StepPhase.Running { Stop: { } stop } => Words(stop),
                StepPhase.Done done => OutcomeWords.Why(done.Outcome),
                _ => null,
            },
            Warning = (phase as StepPhase.Done)?.Warning,
            DependsOn = [.. plan.DependsOn.Select(d => d.Name)],
            Attempts = [.. (state?.Attempts ?? []).Select(Of), .. Open(phase)],
        };
    }

    private static AttemptDetails Of(AttemptRecord attempt) => new()
    {
        Number = attempt.Number,
        State = attempt.Outcome.Word,
        Reason = OutcomeWords.Why(attempt.Outcome),
        Exit = attempt.Outcome switch
        {
            Outcome.Success(var code) => code,
            Outcome.Failure { Reason: FailureReason.ExitCode(var code) } => code,
            Outcome.Failure { Reason: FailureReason.Signal(var number) } => 128 + number,
            Outcome.Failure { Reason: FailureReason.OomKilled } => 137,
            _ => null,
        },
        Image = attempt.Image,
        QueuedAt = attempt.QueuedAt,
        StartedAt = attempt.Phases.Run > TimeSpan.Zero ? attempt.EndedAt - attempt.Phases.Run : null,
        EndedAt = attempt.EndedAt,
        Phases = new AttemptPhases(Whole(attempt.Phases.Queue), Whole(attempt.Phases.Pull), Whole(attempt.Phases.Create), Whole(attempt.Phases.Run)),
    };

    private static IEnumerable<AttemptDetails> Open(StepPhase phase) => phase switch
    {
        StepPhase.Queued queued => [new AttemptDetails { Number = queued.Attempt, State = RunStates.Queued, QueuedAt = queued.Since }],
        StepPhase.Preparing preparing => [new AttemptDetails { Number = preparing.Attempt, State = RunStates.Preparing, QueuedAt = preparing.QueuedAt }],
        StepPhase.Running running => [new AttemptDetails { Number = running.Attempt, State = RunStates.Running, QueuedAt = running.QueuedAt, StartedAt = running.Since, Image = running.Image }],
        _ => [],
    };

    private static long Whole(TimeSpan time) => (long)time.TotalMilliseconds;

    private static string? WaitsFor(IReadOnlyList<PlanDependency> dependencies, Func<string, bool> isDone, string what, Func<string, string> labelOf)
    {
        var open = dependencies.Select(d => d.Name).Where(name => !isDone(name)).Select(labelOf).ToList();
        return open.Count switch
        {
            0 => null,
            1 => $"waits for {what} '{open[0]}'",
            _ => $"waits for {what}s {string.Join(", ", open.Select(name => $"'{name}'"))}",
        };
    }

    private static string Words(StopReason stop) => stop switch
    {
        StopReason.Cancelled(var why) => $"is being stopped: {why}",
        StopReason.TimeUp(var limit) => $"is being stopped: the workflow took longer than {Durations.Text(limit)}",
        _ => "ends with its workflow",
    };

    private static string Word(WorkflowPhase phase) => phase switch
    {
        WorkflowPhase.Waiting => RunStates.Waiting,
        WorkflowPhase.Queued => RunStates.Queued,
        WorkflowPhase.Starting => RunStates.Preparing,
        WorkflowPhase.Done done => done.Outcome.Word,
        _ => RunStates.Running,
    };

    private static string Word(StepPhase phase) => phase switch
    {
        StepPhase.Waiting => RunStates.Waiting,
        StepPhase.Queued => RunStates.Queued,
        StepPhase.Preparing => RunStates.Preparing,
        StepPhase.Running => RunStates.Running,
        StepPhase.Done done => done.Outcome.Word,
        _ => "",
    };
}
