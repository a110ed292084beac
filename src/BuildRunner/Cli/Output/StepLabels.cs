using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Output;

/// <summary>How steps are called in the output: by name, and in a run of several workflows by workflow and name; a matrix cell by its values (<c>build (1.22, linux)/test</c>).</summary>
internal sealed class StepLabels
{
    private readonly bool several;
    private readonly Dictionary<string, string> workflows;
    private readonly Dictionary<(string Workflow, string Step), int> numbers = [];

    public StepLabels(RunPlan plan)
    {
        several = plan.Workflows.Count > 1;
        workflows = plan.Workflows.ToDictionary(w => w.Name, w => CellLabel.Short(w.Name, w.Matrix), StringComparer.Ordinal);
        foreach (var workflow in plan.Workflows)
        {
            foreach (var step in workflow.Services.Concat(workflow.Steps))
            {
                numbers.TryAdd((workflow.Name, step.Name), numbers.Count);
                Width = Math.Max(Width, Of(workflow.Name, step.Name).Length);
            }
        }

        Width = Math.Min(Width, 32);
    }

    /// <summary>Characters of the longest name, within reason.</summary>
    public int Width { get; }

    /// <summary>The name.</summary>
    public string Of(string workflow, string step) => several ? $"{workflows.GetValueOrDefault(workflow, workflow)}/{step}" : step;

    /// <summary>The name, padded to <see cref="Width"/>.</summary>
    public string Padded(string workflow, string step) => Of(workflow, step).PadRight(Width);

    /// <summary>The step's place in the run, for its colour.</summary>
    public int Number(string workflow, string step) => numbers.GetValueOrDefault((workflow, step));
}
