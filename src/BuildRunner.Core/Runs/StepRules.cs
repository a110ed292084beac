using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>What a waiting step has to do next. A closed hierarchy.</summary>
internal abstract record StepVerdict
{
    private StepVerdict()
    {
    }

    public sealed record Wait : StepVerdict;

    public sealed record Run(WorkflowStatus Status) : StepVerdict;

    public sealed record Skip(SkipRule Rule, string Why) : StepVerdict;

    /// <summary>Its condition cannot be judged.</summary>
    public sealed record Broken(string Problem) : StepVerdict;
}

/// <summary>The rules of a step, as pure functions.</summary>
internal static class StepRules
{
    /// <summary>Judges a step that is waiting.</summary>
    public static StepVerdict Judge(PlanIndex plan, int workflow, StepPlan step, RunState run)
    {
        var state = run.Workflows[workflow];
        if (step.SkipReason is { } reason)
        {
            return new StepVerdict.Skip(SkipRule.Condition, reason);
        }

        if (state.Halt is { } halt)
        {
            return new StepVerdict.Skip(SkipRule.Workflow, WhyHalted(halt));
        }

        if (run.Cancel is { } cancel && !step.RunsOnStatus.Contains("cancelled"))
        {
            return new StepVerdict.Skip(SkipRule.Cancelled, cancel.Why);
        }

        return JudgeDependencies(plan, workflow, step, state) ?? JudgeStatus(plan, workflow, step, run, state);
    }

    /// <summary>The workflow's status as <c>when.status</c> sees it now.</summary>
    public static WorkflowStatus Status(RunState run, WorkflowState workflow) =>
        run.Cancel is not null ? WorkflowStatus.Cancelled
        : FirstBad(workflow) is not null ? WorkflowStatus.Failure
        : WorkflowStatus.Success;

    /// <summary>The step whose conclusion was the first that is not a success, in time; null if there is none.</summary>
    /// <remarks>Of several at one moment, one that was not merely cancelled: the others were cancelled because of it.</remarks>
    public static (string Name, StepPhase.Done Done)? FirstBad(WorkflowState workflow)
    {
        (string Name, StepPhase.Done Done)? first = null;
        foreach (var step in workflow.Steps)
        {
            if (step.Phase is StepPhase.Done { Conclusion: not (Outcome.Success or Outcome.Skipped) } done
                && (first is null || Order(done).CompareTo(Order(first.Value.Done)) < 0))
            {
                first = (step.Name, done);
            }
        }

        return first;

        static (DateTimeOffset, bool) Order(StepPhase.Done done) => (done.At, done.Conclusion is Outcome.Cancelled);
    }

    /// <summary>What the report of an attempt means: exit codes judged, and a stop told from its reason.</summary>
    public static Outcome Judge(StepPlan step, Outcome reported, StopReason? stop) => reported switch
    {
        Outcome.Failure { Reason: FailureReason.ExitCode(var code) } when step.AllowedExitCodes.Contains(code) => new Outcome.Success(code),
        Outcome.Cancelled => stop switch
        {
            StopReason.Cancelled(var why) => new Outcome.Cancelled(why),
            StopReason.TimeUp(var limit) => new Outcome.TimedOut(limit),
            StopReason.WorkflowOver => new Outcome.Success(null),
            _ => reported,
        },
        _ => reported,
    };

    /// <summary>What the workflow counts.</summary>
    public static Outcome Conclude(StepPlan step, Outcome outcome) => outcome switch
    {
        Outcome.Cancelled => outcome,
        Outcome.Failure or Outcome.TimedOut or Outcome.Error or Outcome.Lost when step.Failure == FailureMode.Ignore => new Outcome.Success(null),

        // A step that runs in the background decides nothing once it has started.
        Outcome.Failure or Outcome.TimedOut or Outcome.Lost when step.Detached => new Outcome.Success(null),
        _ => outcome,
    };

    /// <summary>Whether the plan wants another attempt after this outcome.</summary>
    public static bool WantsRetry(StepPlan step, Outcome outcome, int attempt) =>
        attempt <= step.Retry.Max
        && step.Retry.On.Contains(outcome.Word)
        && (step.Retry.ExitCodes.Count == 0
            || outcome is not Outcome.Failure { Reason: FailureReason.ExitCode(var code) }
            || step.Retry.ExitCodes.Contains(code));

    private static StepVerdict? JudgeDependencies(PlanIndex plan, int workflow, StepPlan step, WorkflowState state)
    {
        foreach (var dependency in step.DependsOn)
        {
            if (plan.Step(workflow, dependency.Name) is not { } at)
            {
                if (!dependency.Optional)
                {
                    return new StepVerdict.Skip(SkipRule.Condition, $"it depends on '{dependency.Name}', which is not part of this run");
                }

                continue;
            }

            switch (state.Steps[at].Phase)
            {
                case StepPhase.Done { Skip: SkipRule.Condition, Outcome: Outcome.Skipped(var why) } when !dependency.Optional:
                    return new StepVerdict.Skip(SkipRule.Condition, $"it depends on '{dependency.Name}', which does not run: {why}");
                case StepPhase.Done:
                case StepPhase.Running when plan.Plan.Workflows[workflow].Steps[at].Detached:
                    continue;
                default:
                    return new StepVerdict.Wait();
            }
        }

        return null;
    }

    private static StepVerdict JudgeStatus(PlanIndex plan, int workflow, StepPlan step, RunState run, WorkflowState state)
    {
        var status = Status(run, state);
        var word = status switch
        {
            WorkflowStatus.Success => "success",
            WorkflowStatus.Failure => "failure",
            _ => "cancelled",
        };
        if (!step.RunsOnStatus.Contains(word))
        {
            var why = FirstBad(state) is { } bad ? $"'{bad.Name}' ended with {bad.Done.Outcome.Word}" : "nothing has failed";
            return new StepVerdict.Skip(SkipRule.Status, why);
        }

        return step.LateCondition is not { } condition
            ? new StepVerdict.Run(status)
            : plan.Evaluate(condition, word, state, out var problem) switch
            {
                true => new StepVerdict.Run(status),
                false => new StepVerdict.Skip(SkipRule.Condition, $"its condition does not hold: {condition}"),
                null => new StepVerdict.Broken(problem ?? "its condition cannot be judged"),
            };
    }

    /// <summary>Why a step of a workflow that ended early did not run; a sentence.</summary>
    public static string WhyHalted(Outcome halt) => halt switch
    {
        Outcome.TimedOut(var limit) => $"the workflow's time of {Durations.Text(limit)} was up",

        // Why it could not is told once, where the workflow is.
        Outcome.Error => "the workflow could not go on",
        _ => "the workflow was ended",
    };
}
