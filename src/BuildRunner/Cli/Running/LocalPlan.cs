using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary>Fits a plan to a local run.</summary>
internal static class LocalPlan
{
    /// <summary>The working tree takes the place of clone steps, and workflows without a time limit get one; none has one while a person may look at a failed step.</summary>
    public static RunPlan Adjust(RunPlan plan, RunRequest request) =>
        plan with { Workflows = [.. plan.Workflows.Select(w => WithoutClone(w) with { Timeout = request.Debug ? null : w.Timeout ?? request.Timeout })] };

    private static WorkflowPlan WithoutClone(WorkflowPlan workflow)
    {
        var clones = workflow.Steps.Where(s => s.Kind == StepKind.Clone).Select(s => s.Name).ToHashSet(StringComparer.Ordinal);
        return clones.Count == 0
            ? workflow
            : workflow with
            {
                Steps =
                [
                    .. workflow.Steps.Where(s => s.Kind != StepKind.Clone).Select(s => s with { DependsOn = [.. s.DependsOn.Where(d => !clones.Contains(d.Name))] }),
                ],
            };
    }
}
