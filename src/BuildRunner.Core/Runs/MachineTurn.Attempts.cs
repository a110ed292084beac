using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

internal sealed partial class MachineTurn
{
    private string? TakeTaken(int at, int i, int attempt)
    {
        if (State.Workflows[at].Steps[i].Phase is not StepPhase.Queued queued || queued.Attempt != attempt)
        {
            return Late;
        }

        SetPhase(at, i, new StepPhase.Preparing(attempt, queued.Since, now, null));
        return null;
    }

    private string? TakeStarting(int at, int i, int attempt, string? image)
    {
        if (State.Workflows[at].Steps[i].Phase is not StepPhase.Preparing preparing || preparing.Attempt != attempt)
        {
            return Late;
        }

        if (preparing.Stop is not null)
        {
            return "it is being stopped";
        }

        SetPhase(at, i, new StepPhase.Running(attempt, preparing.QueuedAt, now, image, null));
        return null;
    }

    private string? TakeEnded(int at, int i, int attempt, StepReport report)
    {
        var (number, queuedAt, stop) = State.Workflows[at].Steps[i].Phase switch
        {
            StepPhase.Preparing p => (p.Attempt, p.QueuedAt, p.Stop),
            StepPhase.Running r => (r.Attempt, r.QueuedAt, r.Stop),
            _ => (0, now, null),
        };
        if (number == 0 || number != attempt)
        {
            return Late;
        }

        var step = plan.Plan.Workflows[at].Steps[i];
        var outcome = StepRules.Judge(step, report.Outcome, stop);
        var state = State.Workflows[at].Steps[i];
        SetStep(at, i, state with
        {
            Attempts = state.Attempts.Add(new AttemptRecord(attempt, outcome, queuedAt, now, report.Image, PhasesOf(report, state.Phase))),
            Outputs = report.Outputs,
        });
        if (stop is null && State.Workflows[at].Halt is null && MayStillStart(step) && StepRules.WantsRetry(step, outcome, attempt))
        {
            Requeue(at, i, step, attempt + 1);
        }
        else
        {
            End(at, i, step, outcome);
        }

        return null;
    }

    private bool MayStillStart(StepPlan step) => State.Cancel is null || step.RunsOnStatus.Contains("cancelled");

    private void Requeue(int at, int i, StepPlan step, int attempt)
    {
        DateTimeOffset? notBefore = step.Retry.Delay > TimeSpan.Zero ? now + step.Retry.Delay : null;
        SetPhase(at, i, new StepPhase.Queued(attempt, now, notBefore));
        var workflow = State.Workflows[at];
        Effects.Add(new Effect.DispatchStep(workflow.Name, step.Name, attempt, notBefore, StepRules.Status(State, workflow)));
    }

    private void End(int at, int i, StepPlan step, Outcome outcome)
    {
        var warning = outcome is Outcome.Success { ExitCode: > 0 and var code } ? $"exit {code} is allowed" : null;
        var conclusion = StepRules.Conclude(step, outcome);
        SetPhase(at, i, new StepPhase.Done(outcome, conclusion, now, Warning: warning));
        if (step.Failure == FailureMode.Cancel && conclusion is Outcome.Failure or Outcome.TimedOut or Outcome.Error or Outcome.Lost)
        {
            StopSteps(at, new StopReason.Cancelled(WorkflowRules.WhyStopped(step.Name, outcome)));
            CancelWorkflows(Enumerable.Range(0, State.Workflows.Length).Where(other => other != at), WorkflowRules.WhyStopped(step.Name, outcome));
        }
    }

    private void StopSteps(int at, StopReason reason)
    {
        for (var i = 0; i < State.Workflows[at].Steps.Length; i++)
        {
            Stop(at, i, reason);
        }
    }

    // What is only queued ends here; what somebody has taken is stopped and reported by whoever has it.
    private void Stop(int at, int i, StopReason reason)
    {
        var step = plan.Plan.Workflows[at].Steps[i];
        switch (State.Workflows[at].Steps[i].Phase)
        {
            case StepPhase.Queued when State.Workflows[at].Halt is Outcome.Error error:
                Skip(at, i, SkipRule.Workflow, StepRules.WhyHalted(error));
                break;
            case StepPhase.Queued:
                End(at, i, step, StepRules.Judge(step, new Outcome.Cancelled("it was stopped"), reason));
                break;
            case StepPhase.Preparing { Stop: null } preparing:
                SetPhase(at, i, preparing with { Stop = reason });
                Effects.Add(new Effect.StopStep(State.Workflows[at].Name, step.Name, preparing.Attempt, reason));
                break;
            case StepPhase.Running { Stop: null } running:
                SetPhase(at, i, running with { Stop = reason });
                Effects.Add(new Effect.StopStep(State.Workflows[at].Name, step.Name, running.Attempt, reason));
                break;
        }
    }

    private void SetPhase(int at, int i, StepPhase phase) => SetStep(at, i, State.Workflows[at].Steps[i] with { Phase = phase });

    // An agent that was started anew does not know when its predecessor's step began; that it had been announced is known here.
    private PhaseTimes PhasesOf(StepReport report, StepPhase before) =>
        before is StepPhase.Running running && report.Phases.Run == TimeSpan.Zero ? report.Phases with { Run = now - running.Since } : report.Phases;
}
