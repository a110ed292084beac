namespace BuildRunner.Core.Runs;

/// <summary>What was taken and comes back without having been started.</summary>
internal sealed partial class MachineTurn
{
    private string? TakeReturned(int at)
    {
        var workflow = State.Workflows[at];
        if (workflow.Phase is not (WorkflowPhase.Starting or WorkflowPhase.Running) || workflow.Halt is not null || !workflow.Steps.All(NeverTaken))
        {
            return Late;
        }

        Set(at, workflow with
        {
            Phase = new WorkflowPhase.Queued(now),
            Steps = [.. workflow.Steps.Select(s => s.Phase is StepPhase.Queued ? s with { Phase = new StepPhase.Waiting() } : s)],
            Services = [.. workflow.Services.Select(s => new StepState { Name = s.Name, Phase = new StepPhase.Waiting() })],
        });
        if (State.Cancel is { } cancel)
        {
            EndUntaken(at, cancel.Why);
        }
        else
        {
            Effects.Add(new Effect.StartWorkflow(workflow.Name));
        }

        return null;
    }

    private string? TakeReturned(int at, int i, int attempt)
    {
        var step = State.Workflows[at].Steps[i];
        var (number, queuedAt, reason) = step.Phase switch
        {
            StepPhase.Preparing p => (p.Attempt, p.QueuedAt, p.Stop),
            StepPhase.Running r => (r.Attempt, r.QueuedAt, r.Stop),
            _ => (0, now, null),
        };
        if (number == 0 || number != attempt)
        {
            return Late;
        }

        if (reason is { } stop)
        {
            var planned = plan.Plan.Workflows[at].Steps[i];
            End(at, i, planned, StepRules.Judge(planned, new Outcome.Cancelled("it was stopped"), stop));
            return null;
        }

        SetPhase(at, i, new StepPhase.Queued(attempt, queuedAt, null));
        Effects.Add(new Effect.DispatchStep(State.Workflows[at].Name, step.Name, attempt, null, StepRules.Status(State, State.Workflows[at])));
        return null;
    }

    // Nobody has made anything of it, so there is nothing to release.
    private void EndUntaken(int at, string why)
    {
        SkipWaiting(at, SkipRule.Cancelled, why);
        Finish(at, new Outcome.Cancelled(why), startedAt: null);
    }

    private static bool NeverTaken(StepState step) =>
        step.Attempts.IsEmpty && step.Phase is StepPhase.Waiting or StepPhase.Queued or StepPhase.Done { Outcome: Outcome.Skipped };
}
