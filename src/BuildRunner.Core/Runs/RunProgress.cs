using System.Collections.Immutable;

namespace BuildRunner.Core.Runs;

/// <summary>Something to show about a run. A closed hierarchy; the same for terminals, JSON and pages.</summary>
public abstract record RunProgress
{
    private RunProgress()
    {
    }

    /// <summary>The run has begun.</summary>
    public sealed record RunStarted : RunProgress;

    /// <summary>An attempt is due.</summary>
    public sealed record StepQueued(string Workflow, string Step, int Attempt) : RunProgress;

    /// <summary>An attempt was taken: its image is fetched and its container made.</summary>
    public sealed record StepPulling(string Workflow, string Step, int Attempt) : RunProgress;

    /// <summary>An attempt has started.</summary>
    public sealed record StepStarted(string Workflow, string Step, int Attempt, string? Image) : RunProgress;

    /// <summary>An attempt has ended and another one follows.</summary>
    public sealed record AttemptEnded(string Workflow, string Step, AttemptRecord Attempt) : RunProgress;

    /// <summary>A step or service has ended, for good.</summary>
    /// <param name="Workflow">The workflow's name.</param>
    /// <param name="Step">The step's or service's name.</param>
    /// <param name="Done">How.</param>
    /// <param name="Last">Its last attempt; null if there was none.</param>
    public sealed record StepFinished(string Workflow, string Step, StepPhase.Done Done, AttemptRecord? Last) : RunProgress;

    /// <summary>A workflow has ended.</summary>
    public sealed record WorkflowFinished(string Workflow, WorkflowPhase.Done Done) : RunProgress;

    /// <summary>The run has ended.</summary>
    public sealed record RunFinished(RunResult Result) : RunProgress;

    /// <summary>What a change is worth showing, in the order in which it is shown.</summary>
    public static IReadOnlyList<RunProgress> Of(RunChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        var shown = new List<RunProgress>();
        if (change.Fact is RunFact.Begin)
        {
            shown.Add(new RunStarted());
        }

        for (var at = 0; at < change.After.Workflows.Length; at++)
        {
            var (before, after) = (change.Before.Workflows[at], change.After.Workflows[at]);
            if (!ReferenceEquals(before, after))
            {
                AddSteps(shown, after.Name, before.Steps, after.Steps);
                AddSteps(shown, after.Name, before.Services, after.Services);
                if (after.Phase is WorkflowPhase.Done done && before.Phase is not WorkflowPhase.Done)
                {
                    shown.Add(new WorkflowFinished(after.Name, done));
                }
            }
        }

        if (change is { Before.Result: null, After.Result: { } result })
        {
            shown.Add(new RunFinished(result));
        }

        return shown;
    }

    private static void AddSteps(List<RunProgress> shown, string workflow, ImmutableArray<StepState> before, ImmutableArray<StepState> after)
    {
        for (var i = 0; i < after.Length; i++)
        {
            if (ReferenceEquals(before[i], after[i]))
            {
                continue;
            }

            if (after[i].Attempts.Length > before[i].Attempts.Length && after[i].Phase is not StepPhase.Done)
            {
                shown.Add(new AttemptEnded(workflow, after[i].Name, after[i].Attempts[^1]));
            }

            if (PhaseOf(workflow, after[i], before[i].Phase) is { } progress)
            {
                shown.Add(progress);
            }
        }
    }

    private static RunProgress? PhaseOf(string workflow, StepState step, StepPhase before) => step.Phase switch
    {
        StepPhase.Queued queued when before != step.Phase => new StepQueued(workflow, step.Name, queued.Attempt),
        StepPhase.Preparing preparing when before is not StepPhase.Preparing => new StepPulling(workflow, step.Name, preparing.Attempt),
        StepPhase.Running running when before is not StepPhase.Running => new StepStarted(workflow, step.Name, running.Attempt, running.Image),
        StepPhase.Done done when before is not StepPhase.Done => new StepFinished(workflow, step.Name, done, step.Attempts.IsEmpty ? null : step.Attempts[^1]),
        _ => null,
    };
}
