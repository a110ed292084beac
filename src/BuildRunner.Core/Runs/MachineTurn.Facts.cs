namespace BuildRunner.Core.Runs;

internal sealed partial class MachineTurn
{
    private const string Late = "it is over, or has gone on";

    /// <summary>Takes a fact into the state; returns why not, or null.</summary>
    public string? Take(RunFact fact) => fact switch
    {
        RunFact.Begin or RunFact.TimePassed => TakeTime(),
        RunFact.CancelRequested(var why) => TakeCancel(why),
        RunFact.WorkflowTaken(var workflow) => In(workflow, at => TakeTaken(at)),
        RunFact.WorkflowReturned(var workflow) => In(workflow, at => TakeReturned(at)),
        RunFact.WorkflowReady(var workflow) => In(workflow, at => TakeReady(at)),
        RunFact.WorkflowBroken(var workflow, var error) => In(workflow, at => TakeBroken(at, error)),
        RunFact.WorkflowReleased(var workflow) => In(workflow, at => TakeReleased(at)),
        RunFact.ServiceStarted(var workflow, var service, var image) => InService(workflow, service, (at, i) => TakeService(at, i, image)),
        RunFact.ServiceEnded(var workflow, var service, var outcome) => InService(workflow, service, (at, i) => TakeServiceEnd(at, i, outcome)),
        RunFact.StepTaken(var workflow, var step, var attempt) => InStep(workflow, step, (at, i) => TakeTaken(at, i, attempt)),
        RunFact.StepReturned(var workflow, var step, var attempt) => InStep(workflow, step, (at, i) => TakeReturned(at, i, attempt)),
        RunFact.StepStarting(var workflow, var step, var attempt, var image) => InStep(workflow, step, (at, i) => TakeStarting(at, i, attempt, image)),
        RunFact.StepEnded(var workflow, var step, var attempt, var report) => InStep(workflow, step, (at, i) => TakeEnded(at, i, attempt, report)),
        _ => throw new ArgumentOutOfRangeException(nameof(fact), fact, "an unknown fact"),
    };

    private string? TakeTime()
    {
        for (var at = 0; at < State.Workflows.Length; at++)
        {
            if (WorkflowRules.Deadline(State.Workflows[at]) is { } deadline && deadline <= now)
            {
                var limit = plan.Plan.Workflows[at].Timeout ?? TimeSpan.Zero;
                Halt(at, new Outcome.TimedOut(limit), new StopReason.TimeUp(limit));
            }
        }

        return null;
    }

    private string? TakeCancel(string why)
    {
        if (State.Cancel is not null)
        {
            return "it is being cancelled already";
        }

        State = State with { Cancel = new CancelRequest(why, now) };
        for (var at = 0; at < State.Workflows.Length; at++)
        {
            switch (State.Workflows[at].Phase)
            {
                case WorkflowPhase.Queued:
                    EndUntaken(at, why);
                    break;
                case WorkflowPhase.Starting:
                    Halt(at, new Outcome.Cancelled(why), new StopReason.Cancelled(why));
                    break;
                default:
                    StopSteps(at, new StopReason.Cancelled(why));
                    break;
            }
        }

        return null;
    }

    private string? TakeTaken(int at)
    {
        if (State.Workflows[at].Phase is not WorkflowPhase.Queued)
        {
            return Late;
        }

        Set(at, State.Workflows[at] with { Phase = new WorkflowPhase.Starting(now, now + plan.Plan.Workflows[at].Timeout) });
        return null;
    }

    private string? TakeReady(int at)
    {
        if (State.Workflows[at].Phase is not WorkflowPhase.Starting(var since, var deadline))
        {
            return Late;
        }

        Set(at, State.Workflows[at] with { Phase = new WorkflowPhase.Running(since, deadline) });
        return null;
    }

    private string? TakeBroken(int at, Outcome.Error error)
    {
        if (State.Workflows[at].Phase is not (WorkflowPhase.Starting or WorkflowPhase.Running) || State.Workflows[at].Halt is not null)
        {
            return Late;
        }

        Halt(at, error, new StopReason.Cancelled($"the workflow could not go on: {error.Message}"));
        return null;
    }

    private string? TakeReleased(int at)
    {
        if (State.Workflows[at].Phase is not WorkflowPhase.Ending(var since))
        {
            return Late;
        }

        Finish(at, WorkflowRules.Sum(State, State.Workflows[at]), since);
        return null;
    }

    private string? TakeService(int at, int i, string? image)
    {
        if (State.Workflows[at].Services[i].Phase is not StepPhase.Waiting || State.Workflows[at].Phase is not WorkflowPhase.Starting)
        {
            return Late;
        }

        SetService(at, i, State.Workflows[at].Services[i] with { Phase = new StepPhase.Running(1, now, now, image, null) });
        return null;
    }

    private string? TakeServiceEnd(int at, int i, Outcome outcome)
    {
        var service = State.Workflows[at].Services[i];
        if (service.Phase is StepPhase.Done || State.Workflows[at].Phase is WorkflowPhase.Done)
        {
            return Late;
        }

        var running = service.Phase as StepPhase.Running;
        var since = running?.Since ?? now;
        SetService(at, i, service with
        {
            Phase = new StepPhase.Done(outcome, StepRules.Conclude(plan.Plan.Workflows[at].Services[i], outcome), now),
            Attempts = service.Attempts.Add(new AttemptRecord(1, outcome, since, now, running?.Image, PhaseTimes.Zero with { Run = now - since })),
        });
        return null;
    }

    // Ends a workflow early: nothing more of it starts, and what goes on is stopped.
    private void Halt(int at, Outcome outcome, StopReason reason)
    {
        var starting = State.Workflows[at].Phase as WorkflowPhase.Starting;
        Set(at, State.Workflows[at] with { Halt = outcome });
        if (starting is null)
        {
            StopSteps(at, reason);
            return;
        }

        // No step was dispatched yet.
        foreach (var (step, i) in plan.Plan.Workflows[at].Steps.Select((s, i) => (s, i)))
        {
            if (State.Workflows[at].Steps[i].Phase is StepPhase.Waiting && StepRules.Judge(plan, at, step, State) is StepVerdict.Skip(var rule, var why))
            {
                Skip(at, i, rule, why);
            }
        }

        Set(at, State.Workflows[at] with { Phase = new WorkflowPhase.Ending(starting.Since) });
        Effects.Add(new Effect.ReleaseWorkflow(State.Workflows[at].Name));
    }

    private string? In(string workflow, Func<int, string?> take) =>
        plan.Workflow(workflow) is { } at ? take(at) : $"the run has no workflow '{workflow}'";

    private string? InStep(string workflow, string step, Func<int, int, string?> take) =>
        In(workflow, at => plan.Step(at, step) is { } i ? take(at, i) : $"workflow '{workflow}' has no step '{step}'");

    private string? InService(string workflow, string service, Func<int, int, string?> take) =>
        In(workflow, at => plan.Service(at, service) is { } i ? take(at, i) : $"workflow '{workflow}' has no service '{service}'");
}
