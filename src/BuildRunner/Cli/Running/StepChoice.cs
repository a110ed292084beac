using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary>Which parts of a plan run: <c>--step</c>, <c>--until</c>, <c>--from</c>, <c>--matrix</c>. Pure.</summary>
/// <param name="Steps">Only these; empty: no such choice.</param>
/// <param name="Until">This one and all that it depends on.</param>
/// <param name="From">This one and all that depends on it.</param>
/// <param name="Matrix">Only the cells with these values.</param>
internal sealed record StepChoice(IReadOnlyList<string> Steps, string? Until, string? From, IReadOnlyList<KeyValuePair<string, string>> Matrix)
{
    /// <summary>Everything.</summary>
    public static StepChoice All { get; } = new([], null, null, []);

    /// <summary>The plan, in which everything else is skipped, with the reason. What was chosen does not wait for what was not.</summary>
    /// <exception cref="CliException">A name or value fits nothing in the plan.</exception>
    public RunPlan Apply(RunPlan plan)
    {
        plan = MatrixChoice.Apply(plan, Matrix);
        if (Steps.Count == 0 && Until is null && From is null)
        {
            return plan;
        }

        var index = new ChoiceIndex(plan);
        HashSet<ChosenStep> chosen = [.. Steps.Count > 0 ? Steps.SelectMany(s => index.Find("--step", s)) : index.All];
        if (Until is not null)
        {
            chosen.IntersectWith(index.Find("--until", Until).SelectMany(index.WithDependencies));
        }

        if (From is not null)
        {
            chosen.IntersectWith(index.Find("--from", From).SelectMany(index.WithDependents));
        }

        return chosen.Count > 0
            ? plan with { Workflows = [.. plan.Workflows.Select(w => Only(plan, w, chosen))] }
            : throw new CliException(ExitCode.Usage, $"--from {From} --until {Until}: no step lies between them");
    }

    private string Why => string.Join(' ', Steps.Select(s => $"--step {s}").Concat(From is null ? [] : [$"--from {From}"]).Concat(Until is null ? [] : [$"--until {Until}"]));

    private WorkflowPlan Only(RunPlan plan, WorkflowPlan workflow, HashSet<ChosenStep> chosen)
    {
        bool IsChosen(string step) => chosen.Contains(new ChosenStep(workflow.Name, step));
        bool Runs(string name) => chosen.Any(c => c.Workflow == name);
        return workflow with
        {
            SkipReason = workflow.SkipReason ?? (Runs(workflow.Name) ? null : $"not chosen by {Why}"),
            DependsOn = Contract(workflow.DependsOn, Runs, name => plan.Workflows.FirstOrDefault(w => w.Name == name)?.DependsOn ?? []),
            Steps =
            [
                .. workflow.Steps.Select(step => IsChosen(step.Name)
                    ? step with { DependsOn = Contract(step.DependsOn, IsChosen, name => workflow.Steps.FirstOrDefault(s => s.Name == name)?.DependsOn ?? []) }
                    : step with { SkipReason = step.SkipReason ?? $"not chosen by {Why}" }),
            ],
        };
    }

    // In the place of what does not run stands what that would have waited for.
    private static List<PlanDependency> Contract(IReadOnlyList<PlanDependency> dependencies, Func<string, bool> runs, Func<string, IReadOnlyList<PlanDependency>> before)
    {
        var kept = new Dictionary<string, PlanDependency>(StringComparer.Ordinal);
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var open = new Queue<PlanDependency>(dependencies);
        while (open.TryDequeue(out var dependency))
        {
            if (!seen.Add(dependency.Name))
            {
                continue;
            }

            if (runs(dependency.Name))
            {
                kept.Add(dependency.Name, dependency);
                continue;
            }

            foreach (var earlier in before(dependency.Name))
            {
                open.Enqueue(earlier);
            }
        }

        return [.. kept.Values];
    }
}

/// <summary>A step of a workflow.</summary>
internal readonly record struct ChosenStep(string Workflow, string Step);
