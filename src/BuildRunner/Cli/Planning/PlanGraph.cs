using System.Text;
using BuildRunner.Cli.Output;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Planning;

/// <summary>A plan drawn as text: what waits for what, from left to right, and below it why the rest would not run.</summary>
/// <remarks>A step hangs behind the last thing that it waits for; what else it waits for stands behind its name. A wait that follows from others is not drawn.</remarks>
internal static class PlanGraph
{
    /// <summary>The drawing; one that is wider than <paramref name="width"/> goes from top to bottom instead.</summary>
    public static string Write(RunPlan plan, Style style, int width)
    {
        var text = new StringBuilder();
        var several = plan.Workflows.Count > 1;
        var indent = several ? "  " : "";
        if (several && plan.Workflows.Any(w => w.DependsOn.Count > 0))
        {
            text.Append(style.Bold("workflows")).Append('\n');
            Append(text, Draw([.. plan.Workflows.Where(w => w.SkipReason is null).Select(w => new GraphNode(w.Name, "", [.. w.DependsOn.Select(d => d.Name)]))], style, width - 2), indent);
        }

        foreach (var workflow in plan.Workflows)
        {
            if (several || workflow.SkipReason is not null)
            {
                text.Append(style.Bold(workflow.Name)).Append(PlanText.Head(workflow)).Append('\n');
            }

            if (workflow.SkipReason is null)
            {
                Append(text, Steps(workflow, style, width - indent.Length), indent);
            }
        }

        return text.ToString();
    }

    private static IEnumerable<string> Steps(WorkflowPlan workflow, Style style, int width)
    {
        var running = workflow.Steps.Where(s => s.SkipReason is null).ToList();
        var lines = Draw([.. running.Select(s => new GraphNode(s.Name, PlanText.Remark(s), [.. s.DependsOn.Select(d => d.Name)]))], style, width);
        var others = workflow.Services.Concat(workflow.Steps.Where(s => s.SkipReason is not null)).ToList();
        var name = others.Select(s => CellText.Width(s.Name)).DefaultIfEmpty().Max();
        return lines.Concat(others.Select(s => $"{CellText.Pad(s.Name, name)}   {(s.SkipReason is { } why ? $"would not run: {why}" : "service")}").Select(style.Dim));
    }

    private static List<string> Draw(IReadOnlyList<GraphNode> nodes, Style style, int width)
    {
        var trees = GraphTree.Of(nodes);
        var across = trees.SelectMany(tree => GraphBlock.Across(tree, style.Unicode).Lines()).ToList();
        return across.TrueForAll(line => CellText.Width(line) <= width) ? across : [.. trees.SelectMany(tree => GraphBlock.Down(tree, style.Unicode))];
    }

    private static void Append(StringBuilder text, IEnumerable<string> lines, string indent)
    {
        foreach (var line in lines)
        {
            text.Append(indent).Append(line).Append('\n');
        }
    }
}
