using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>What a waiting workflow has to do next. A closed hierarchy.</summary>
internal abstract record WorkflowVerdict
{
    private WorkflowVerdict()
    {
    }

    public sealed record Wait : WorkflowVerdict;

    public sealed record Start : WorkflowVerdict;

    public sealed record Skip(SkipRule Rule, Outcome Outcome, string Why) : WorkflowVerdict;
}

/// <summary>The rules of a workflow and of the run, as pure functions.</summary>
internal static class WorkflowRules
{
    /// <summary>Judges a workflow that is waiting.</summary>
    public static WorkflowVerdict Judge(PlanIndex plan, WorkflowPlan workflow, RunState run)
    {
        if (run.Cancel is { } cancel)
        {
            return new WorkflowVerdict.Skip(SkipRule.Cancelled, new Outcome.Cancelled(cancel.Why), cancel.Why);
        }

        if (workflow.SkipReason is { } reason)
        {
            return Skip(SkipRule.Condition, reason);
        }

        if (workflow.Steps.All(s => s.SkipReason is not null))
        {
            return Skip(SkipRule.Condition, "none of its steps runs");
        }

        if (!workflow.RunsOn.Contains("failure") && Stopper(plan, run) is { } why)
        {
            return new WorkflowVerdict.Skip(SkipRule.Cancelled, new Outcome.Cancelled(why), why);
        }

        if (workflow.MatrixRules is { } rules && JudgeMatrix(plan, rules, run) is { } verdict)
        {
            return verdict;
        }

        var due = JudgeDependencies(plan, workflow, run);
        return due is WorkflowVerdict.Start && IsFull(plan, workflow, run) ? new WorkflowVerdict.Wait() : due;
    }

    /// <summary>Why everything else ends when a step with <c>failure: cancel</c> has failed; a sentence.</summary>
    public static string WhyStopped(string step, Outcome outcome) => $"'{step}' ended with {outcome.Word}";

    // A step with `failure: cancel` that has failed ends the run; only what is there for failures may still start.
    private static string? Stopper(PlanIndex plan, RunState run)
    {
        foreach (var (at, i) in plan.Stoppers)
        {
            if (run.Workflows[at].Steps[i].Phase is StepPhase.Done { Conclusion: Outcome.Failure or Outcome.TimedOut or Outcome.Error or Outcome.Lost } done)
            {
                return WhyStopped(run.Workflows[at].Steps[i].Name, done.Outcome);
            }
        }

        return null;
    }

    // Counts this run's own workflows; those of other runs are counted by whoever has a queue of several runs.
    private static bool IsFull(PlanIndex plan, WorkflowPlan workflow, RunState run) =>
        workflow.ConcurrencyGroup is { } group
        && Enumerable.Range(0, run.Workflows.Length).Count(at => plan.Plan.Workflows[at].ConcurrencyGroup == group && run.Workflows[at].Phase is not (WorkflowPhase.Waiting or WorkflowPhase.Done)) >= workflow.Concurrency!.Limit;

    /// <summary>The positions of the cells of one matrix.</summary>
    public static IEnumerable<int> Cells(PlanIndex plan, MatrixPlan matrix) =>
        Enumerable.Range(0, plan.Plan.Workflows.Count).Where(at => plan.Plan.Workflows[at].MatrixRules?.Workflow == matrix.Workflow);

    /// <summary>When the workflow's time is up; null: never, or it is not running.</summary>
    public static DateTimeOffset? Deadline(WorkflowState workflow) => workflow.Phase switch
    {
        _ when workflow.Halt is not null => null,
        WorkflowPhase.Starting(_, var deadline) => deadline,
        WorkflowPhase.Running(_, var deadline) => deadline,
        _ => null,
    };

    /// <summary>The sum of a workflow's steps. What broke it first names it.</summary>
    public static Outcome Sum(RunState run, WorkflowState workflow)
    {
        if (workflow.Halt is { } halt)
        {
            return halt;
        }

        // A cancel that came when everything had ended changes nothing.
        if (run.Cancel is { } cancel
            && workflow.Steps.Any(s => s.Phase is StepPhase.Done { Outcome: Outcome.Cancelled } or StepPhase.Done { Skip: SkipRule.Cancelled }))
        {
            return new Outcome.Cancelled(cancel.Why);
        }

        if (StepRules.FirstBad(workflow) is { } bad)
        {
            return Whole(bad.Done.Conclusion);
        }

        if (workflow.Services.Select(s => s.Phase).OfType<StepPhase.Done>().FirstOrDefault(s => s.Conclusion is Outcome.Failure) is not null)
        {
            return new Outcome.Failure();
        }

        return workflow.Steps.All(s => s.Phase is StepPhase.Done { Outcome: Outcome.Skipped })
            ? new Outcome.Skipped("none of its steps ran")
            : new Outcome.Success(null);
    }

    /// <summary>The sum of a run's workflows. What broke it first names it.</summary>
    public static Outcome Sum(RunState run)
    {
        var done = run.Workflows.Select(w => (WorkflowPhase.Done)w.Phase).ToList();
        if (run.Cancel is { } cancel && done.Exists(d => d.Outcome is Outcome.Cancelled))
        {
            return new Outcome.Cancelled(cancel.Why);
        }

        // What was merely cancelled was cancelled because of something else.
        var bad = done.Where(d => d.Outcome is not (Outcome.Success or Outcome.Skipped)).MinBy(d => (d.Outcome is Outcome.Cancelled, d.At));
        return bad?.Outcome
            ?? (done.TrueForAll(d => d.Outcome is Outcome.Skipped) ? new Outcome.Skipped("nothing ran") : new Outcome.Success(null));
    }

    private static WorkflowVerdict? JudgeMatrix(PlanIndex plan, MatrixPlan matrix, RunState run)
    {
        var cells = Cells(plan, matrix).Select(at => run.Workflows[at]).ToList();
        if (matrix.FailFast && cells.Find(c => c.Phase is WorkflowPhase.Done { Outcome: not (Outcome.Success or Outcome.Skipped or Outcome.Cancelled) }) is { } failed)
        {
            return new WorkflowVerdict.Skip(SkipRule.Cancelled, new Outcome.Cancelled(WhyFailFast(plan, failed)), WhyFailFast(plan, failed));
        }

        return cells.Count(c => c.Phase is not (WorkflowPhase.Waiting or WorkflowPhase.Done)) >= matrix.MaxParallel ? new WorkflowVerdict.Wait() : null;
    }

    /// <summary>Why other cells end when one has failed; a sentence.</summary>
    public static string WhyFailFast(PlanIndex plan, WorkflowState failed) => $"'{plan.LabelOf(failed.Name)}' of the same matrix ended with {((WorkflowPhase.Done)failed.Phase).Outcome.Word}";

    private static WorkflowVerdict JudgeDependencies(PlanIndex plan, WorkflowPlan workflow, RunState run)
    {
        WorkflowState? bad = null;
        foreach (var dependency in workflow.DependsOn)
        {
            if (plan.Workflow(dependency.Name) is not { } at)
            {
                if (!dependency.Optional)
                {
                    return Skip(SkipRule.Condition, $"it depends on workflow '{dependency.Name}', which is not part of this run");
                }

                continue;
            }

            switch (run.Workflows[at].Phase)
            {
                case WorkflowPhase.Done { Outcome: Outcome.Skipped(var why) } when IsUnfit(plan, at):
                    if (!dependency.Optional)
                    {
                        return Skip(SkipRule.Condition, $"it depends on workflow '{plan.LabelOf(dependency.Name)}', which does not run: {why}");
                    }

                    continue;
                case WorkflowPhase.Done { Outcome: not Outcome.Success }:
                    bad ??= run.Workflows[at];
                    continue;
                case WorkflowPhase.Done:
                    continue;
                default:
                    return new WorkflowVerdict.Wait();
            }
        }

        return JudgeResult(plan, workflow, bad);
    }

    private static WorkflowVerdict JudgeResult(PlanIndex plan, WorkflowPlan workflow, WorkflowState? bad) => bad switch
    {
        null when !workflow.RunsOn.Contains("success") => Skip(SkipRule.Status, "no workflow that it depends on has failed"),
        not null when !workflow.RunsOn.Contains("failure") =>
            Skip(SkipRule.Status, $"workflow '{plan.LabelOf(bad.Name)}' ended with {((WorkflowPhase.Done)bad.Phase).Outcome.Word}"),
        _ => new WorkflowVerdict.Start(),
    };

    // Skipped by a condition, its own or inherited, and not because of how something ended.
    private static bool IsUnfit(PlanIndex plan, int workflow)
    {
        var of = plan.Plan.Workflows[workflow];
        return of.SkipReason is not null
            || of.Steps.All(s => s.SkipReason is not null)
            || of.DependsOn.Any(d => !d.Optional && (plan.Workflow(d.Name) is not { } at || IsUnfit(plan, at)));
    }

    private static WorkflowVerdict.Skip Skip(SkipRule rule, string why) => new(rule, new Outcome.Skipped(why), why);

    // A workflow did not exit with a code: it failed, and its steps say how.
    private static Outcome Whole(Outcome conclusion) => conclusion is Outcome.Failure ? new Outcome.Failure() : conclusion;
}
