using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Pipelines.Reading;

namespace BuildRunner.Core.Planning;

/// <summary>
/// Dependencies between workflows: a dependency on a matrix is one on each of its cells; a workflow that needs one which is not part of the run is not part of
/// it either, unless the dependency is optional.
/// </summary>
internal static class WorkflowOrder
{
    /// <summary>Reports dependencies on workflows that do not exist and those that form a circle.</summary>
    /// <param name="files">Names of the workflows, with what each depends on.</param>
    /// <param name="diagnostics">Where problems go.</param>
    public static void Check(IReadOnlyList<(string Name, IReadOnlyList<DependencyFile> DependsOn)> files, DiagnosticBag diagnostics)
    {
        var names = files.Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var dependency in files.SelectMany(file => file.DependsOn).Where(dependency => !dependency.Optional && !names.Contains(dependency.Name)))
        {
            var near = Nearest.To(dependency.Name, names);
            diagnostics.Warning(DiagnosticCodes.UnknownWorkflow, dependency.Location, $"there is no workflow `{dependency.Name}`, so this one never runs", near is null ? "The name of a workflow is that of its file, without extension" : $"Did you mean `{near}`?");
        }
        DependencyRules.ReportCycles(files, "workflow", diagnostics);
    }

    /// <summary>The workflows with dependencies by their unique names, and with reasons for those that are left out.</summary>
    public static IReadOnlyList<WorkflowPlan> Resolve(IReadOnlyList<WorkflowPlan> workflows)
    {
        var cells = workflows.ToLookup(workflow => workflow.MatrixRules?.Workflow ?? workflow.Name, StringComparer.Ordinal);
        var skipped = workflows.Where(workflow => workflow.SkipReason is not null).ToDictionary(workflow => workflow.Name, workflow => workflow.SkipReason!, StringComparer.Ordinal);
        // Leaving out one workflow can leave out others, so look again until nothing changes.
        for (var changed = true; changed;)
        {
            changed = false;
            foreach (var workflow in workflows.Where(workflow => !skipped.ContainsKey(workflow.Name)))
            {
                var missing = workflow.DependsOn.FirstOrDefault(dependency => !dependency.Optional && cells[dependency.Name].All(cell => skipped.ContainsKey(cell.Name)));
                if (missing is null)
                    continue;
                var why = cells[missing.Name].Any() ? "does not run" : "does not exist";
                skipped.Add(workflow.Name, $"it depends on workflow `{missing.Name}`, which {why}");
                changed = true;
            }
        }
        return
        [
            .. workflows.Select(workflow => workflow with
            {
                SkipReason = skipped.GetValueOrDefault(workflow.Name),
                DependsOn =
                [
                    .. workflow.DependsOn.SelectMany(dependency => cells[dependency.Name]
                        .Where(cell => skipped.ContainsKey(workflow.Name) || !skipped.ContainsKey(cell.Name))
                        .Select(cell => new PlanDependency(cell.Name, dependency.Optional))),
                ],
            }),
        ];
    }
}
