using BuildRunner.Cli.Running;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Shell;

/// <summary>Which step a shell is for, among those that have the name: of the cells that <c>--matrix</c> chose, the one whose container was kept last. Pure.</summary>
/// <param name="Workflow">Its workflow.</param>
/// <param name="Step">The step.</param>
/// <param name="Kept">What was kept of it; null: the shell begins from the image.</param>
/// <param name="Others">Steps that could have been meant as well, as they can be typed; empty where <paramref name="Kept"/> decided.</param>
internal sealed record ShellChoice(WorkflowPlan Workflow, StepPlan Step, KeptContainer? Kept, IReadOnlyList<string> Others)
{
    /// <summary>Decides.</summary>
    /// <param name="plan">All steps.</param>
    /// <param name="name">What a person typed.</param>
    /// <param name="matrix">The cells that are meant.</param>
    /// <param name="kept">The containers that may be begun from, the best first.</param>
    /// <exception cref="CliException">There is no such step, or none in these cells.</exception>
    public static ShellChoice Of(RunPlan plan, string name, IReadOnlyList<KeyValuePair<string, string>> matrix, IReadOnlyList<KeptContainer> kept)
    {
        var axes = matrix.ToLookup(m => m.Key, m => m.Value);
        var found = new ChoiceIndex(plan).Find("shell", name)
            .Select(s => (Workflow: plan.Workflows.First(w => w.Name == s.Workflow), s.Step))
            .Where(s => axes.All(a => MatrixChoice.Has(s.Workflow, a.Key, a)))
            .ToList();
        if (found.Count == 0)
        {
            throw new CliException(ExitCode.Usage, $"shell {name}: --matrix chose other cells than those of this step");
        }

        var last = kept.FirstOrDefault(k => found.Any(f => f.Workflow.Name == k.Workflow && f.Step == k.Step));
        var (workflow, step) = last is null ? found[0] : found.First(f => f.Workflow.Name == last.Workflow && f.Step == last.Step);
        return new(workflow, workflow.Steps.First(s => s.Name == step), last, last is null ? [.. found.Skip(1).Select(f => $"{f.Workflow.Name}/{f.Step}")] : []);
    }
}
