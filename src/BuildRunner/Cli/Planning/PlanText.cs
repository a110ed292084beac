using System.Text;
using BuildRunner.Cli.Output;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Planning;

/// <summary>A plan for a person: each workflow, its steps, what each comes after, and why one would not run.</summary>
internal static class PlanText
{
    public static string Write(RunPlan plan, Style style)
    {
        var text = new StringBuilder();
        foreach (var workflow in plan.Workflows)
        {
            text.Append(style.Bold(workflow.Name)).Append(Head(workflow)).Append('\n');
            var steps = workflow.Services.Concat(workflow.Steps).ToList();
            var name = steps.Max(s => CellText.Width(s.Name));
            var image = steps.Max(s => CellText.Width(s.Image));
            foreach (var step in steps)
            {
                var (label, from) = (CellText.Pad(step.Name, name), CellText.Pad(step.Image, image));
                text.Append(step.SkipReason is null ? $"  {label}  {style.Dim(from)}  {Tail(step)}".TrimEnd() : style.Dim($"  {label}  {from}  {Tail(step)}")).Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>What stands behind a workflow's name: its cell, what it comes after, why it would not run.</summary>
    public static string Head(WorkflowPlan workflow)
    {
        var cell = workflow.Matrix.Count == 0 ? "" : $" ({string.Join(", ", workflow.Matrix.Select(m => $"{m.Key}={m.Value}"))})";
        return workflow.SkipReason is { } why ? $"{cell} would not run: {why}"
            : workflow.DependsOn.Count > 0 ? $"{cell} after {string.Join(", ", workflow.DependsOn.Select(d => d.Name))}"
            : cell;
    }

    private static string Tail(StepPlan step) =>
        step.SkipReason is { } why ? $"would not run: {why}"
        : step.Kind == StepKind.Service ? "service"
        : string.Join(", ", new[] { step.DependsOn.Count > 0 ? $"after {string.Join(", ", step.DependsOn.Select(d => d.Name))}" : "", Remark(step) }.Where(t => t.Length > 0));

    /// <summary>When a step runs, if not simply after success; empty otherwise.</summary>
    public static string Remark(StepPlan step) => string.Join(", ", new[]
    {
        step.RunsOnStatus.SetEquals(["success"]) ? "" : $"on {string.Join(" or ", step.RunsOnStatus.OrderDescending(StringComparer.Ordinal))}",
        step.Detached ? "detached" : "",
        step.LateCondition is null ? "" : "if outputs say so",
    }.Where(t => t.Length > 0));
}
