using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>One application of <see cref="RunMachine"/>: takes a fact, then settles. Lives for one call.</summary>
internal sealed partial class MachineTurn(PlanIndex plan, RunState state, DateTimeOffset now)
{
    public RunState State { get; private set; } = state;

    public List<Effect> Effects { get; } = [];

    /// <summary>Makes due what is due, until nothing changes.</summary>
    public void Settle()
    {
        bool changed;
        do
        {
            changed = false;
            for (var at = 0; at < State.Workflows.Length; at++)
            {
                changed |= Advance(at);
            }
        }
        while (changed);

        if (State.Result is null && State.Workflows.All(w => w.Phase is WorkflowPhase.Done))
        {
            var outcome = WorkflowRules.Sum(State);
            State = State with { Result = new RunResult(outcome, now) };
            Effects.Add(new Effect.RunFinished(outcome));
        }
    }

    private bool Advance(int at) => State.Workflows[at].Phase switch
    {
        WorkflowPhase.Waiting => TryStart(at),
        WorkflowPhase.Running => AdvanceSteps(at),
        _ => false,
    };

    private bool TryStart(int at)
    {
        var workflow = plan.Plan.Workflows[at];
        switch (WorkflowRules.Judge(plan, workflow, State))
        {
            case WorkflowVerdict.Start:
                Set(at, State.Workflows[at] with { Phase = new WorkflowPhase.Queued(now) });
                SkipUnplanned(at);
                Effects.Add(new Effect.StartWorkflow(workflow.Name));
                return true;
            case WorkflowVerdict.Skip(var rule, var outcome, var why):
                SkipWaiting(at, rule, why);
                Finish(at, outcome, startedAt: null);
                return true;
            default:
                return false;
        }
    }

    private bool AdvanceSteps(int at)
    {
        var changed = false;
        var steps = plan.Plan.Workflows[at].Steps;
        for (var i = 0; i < steps.Count; i++)
        {
            if (State.Workflows[at].Steps[i].Phase is StepPhase.Waiting)
            {
                changed |= TryDispatch(at, i, steps[i]);
            }
        }

        return changed || TryEnd(at, steps);
    }

    private bool TryDispatch(int at, int i, StepPlan step)
    {
        var workflow = State.Workflows[at];
        switch (StepRules.Judge(plan, at, step, State))
        {
            case StepVerdict.Run(var status):
                SetStep(at, i, workflow.Steps[i] with { Phase = new StepPhase.Queued(1, now, null) });
                Effects.Add(new Effect.DispatchStep(workflow.Name, step.Name, 1, null, status));
                return true;
            case StepVerdict.Skip(var rule, var why):
                Skip(at, i, rule, why);
                return true;
            case StepVerdict.Broken(var problem):
                End(at, i, step, new Outcome.Error("invalid_condition", problem));
                return true;
            default:
                return false;
        }
    }

    // When only steps in the background are left, they end; when nothing is left, the workflow does.
    private bool TryEnd(int at, IReadOnlyList<StepPlan> steps)
    {
        var workflow = State.Workflows[at];
        var left = Enumerable.Range(0, steps.Count).Where(i => workflow.Steps[i].Phase is not StepPhase.Done).ToList();
        if (left.Count == 0)
        {
            Set(at, workflow with { Phase = new WorkflowPhase.Ending(((WorkflowPhase.Running)workflow.Phase).Since) });
            Effects.Add(new Effect.ReleaseWorkflow(workflow.Name));
            return true;
        }

        if (left.TrueForAll(i => steps[i].Detached && workflow.Steps[i].Phase is StepPhase.Running))
        {
            left.ForEach(i => Stop(at, i, new StopReason.WorkflowOver()));
        }

        return false;
    }

    private void Finish(int at, Outcome outcome, DateTimeOffset? startedAt)
    {
        EndServices(at, startedAt is not null);
        Set(at, State.Workflows[at] with { Phase = new WorkflowPhase.Done(outcome, startedAt, now) });
        Effects.Add(new Effect.WorkflowFinished(State.Workflows[at].Name, outcome));
        if (outcome is not (Outcome.Success or Outcome.Skipped or Outcome.Cancelled) && State.Cancel is null && plan.Plan.Workflows[at].MatrixRules is { FailFast: true } matrix)
        {
            CancelWorkflows(WorkflowRules.Cells(plan, matrix), WorkflowRules.WhyFailFast(plan, State.Workflows[at]));
        }
    }

    // Those that wait are ended by the rule that judges them.
    private void CancelWorkflows(IEnumerable<int> workflows, string why)
    {
        foreach (var at in workflows)
        {
            switch (State.Workflows[at].Phase)
            {
                case WorkflowPhase.Queued:
                    EndUntaken(at, why);
                    break;
                case WorkflowPhase.Starting or WorkflowPhase.Running when State.Workflows[at].Halt is null:
                    Halt(at, new Outcome.Cancelled(why), new StopReason.Cancelled(why));
                    break;
            }
        }
    }

    // A service that nobody reported has ended with its workflow, or was never started.
    private void EndServices(int at, bool started)
    {
        var services = State.Workflows[at].Services;
        for (var i = 0; i < services.Length; i++)
        {
            if (services[i].Phase is not StepPhase.Done)
            {
                Outcome outcome = started && services[i].Phase is StepPhase.Running ? new Outcome.Success(null) : new Outcome.Skipped("it was not started");
                SetService(at, i, services[i] with { Phase = new StepPhase.Done(outcome, outcome, now) });
            }
        }
    }

    // What this event rules out is known at once, and shown at once.
    private void SkipUnplanned(int at)
    {
        var steps = plan.Plan.Workflows[at].Steps;
        for (var i = 0; i < steps.Count; i++)
        {
            if (steps[i].SkipReason is { } why)
            {
                Skip(at, i, SkipRule.Condition, why);
            }
        }
    }

    private void SkipWaiting(int at, SkipRule rule, string why)
    {
        var steps = plan.Plan.Workflows[at].Steps;
        for (var i = 0; i < steps.Count; i++)
        {
            if (State.Workflows[at].Steps[i].Phase is StepPhase.Waiting)
            {
                Skip(at, i, steps[i].SkipReason is null ? rule : SkipRule.Condition, steps[i].SkipReason ?? why);
            }
        }
    }

    private void Skip(int at, int i, SkipRule rule, string why)
    {
        var outcome = new Outcome.Skipped(why);
        SetStep(at, i, State.Workflows[at].Steps[i] with { Phase = new StepPhase.Done(outcome, outcome, now, rule) });
    }

    private void Set(int at, WorkflowState workflow) => State = State with { Workflows = State.Workflows.SetItem(at, workflow) };

    private void SetStep(int at, int i, StepState step)
    {
        var workflow = State.Workflows[at];
        Set(at, workflow with { Steps = workflow.Steps.SetItem(i, step) });
    }

    private void SetService(int at, int i, StepState service)
    {
        var workflow = State.Workflows[at];
        Set(at, workflow with { Services = workflow.Services.SetItem(i, service) });
    }
}
