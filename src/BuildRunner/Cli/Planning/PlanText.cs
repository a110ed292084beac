using System.Text;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Planning;

/// <summary>A plan for a person: each workflow, its steps, what each comes after, and why one would not run.</summary>
internal static class PlanText
{
    public static string Write(RunPlan plan)
    {
        var text = new StringBuilder();
        foreach (var workflow in plan.Workflows)
        {
            text.Append(workflow.Name).Append(Head(workflow)).Append('\n');
            var steps = workflow.Services.Concat(workflow.Steps).ToList();
            var name = steps.Max(s => s.Name.Length);
            var image = steps.Max(s => s.Image.Length);
            foreach (var step in steps)
            {
                text.Append($"  {step.Name.PadRight(name)}  {step.Image.PadRight(image)}  {Tail(step)}".TrimEnd()).Append('\n');
            }
        }

        return text.ToString();
    }

    private static string Head(WorkflowPlan workflow)
    {
        var cell = workflow.Matrix.Count == 0 ? "" : $" ({string.Join(", ", workflow.Matrix.Select(m => $"{m.Key}={m.Value}"))})";
        return workflow.SkipReason is { } why ? $"{cell} would not run: {why}"
            : workflow.DependsOn.Count > 0 ? $"{cell} after {string.Join(", ", workflow.DependsOn.Select(d => d.Name))}"
            : cell;
    }

    private static string Tail(StepPlan step) =>
        step.SkipReason is { } why ? $"would not run: {why}"
        : step.Kind == StepKind.Service ? "service"
        : step.DependsOn.Count > 0 ? $"after {string.Join(", ", step.DependsOn.Select(d => d.Name))}"
        : "";
}
