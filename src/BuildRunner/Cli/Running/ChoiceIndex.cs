using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Running;

/// <summary>Finds steps of a plan by what a person types, and what depends on what.</summary>
internal sealed class ChoiceIndex(RunPlan plan)
{
    /// <summary>Every step.</summary>
    public IEnumerable<ChosenStep> All => plan.Workflows.SelectMany(StepsOf);

    /// <summary>The steps that a text names: <c>test</c> in any workflow, <c>build/test</c> in one, or in every cell of a matrix.</summary>
    /// <exception cref="CliException">There is none.</exception>
    public IReadOnlyList<ChosenStep> Find(string flag, string text)
    {
        List<ChosenStep> found = [.. plan.Workflows.SelectMany(w => w.Steps.Where(s => IsNamed(w, s, text)).Select(s => new ChosenStep(w.Name, s.Name)))];
        if (found.Count > 0)
        {
            return found;
        }

        var service = plan.Workflows.Any(w => w.Services.Any(s => s.Name == text)) ? "; that is a service, which starts with every step of its workflow" : "";
        var names = plan.Workflows.SelectMany(w => w.Steps).Select(s => s.Name).Distinct().ToList();
        throw new CliException(
            ExitCode.Usage,
            names.Count == 0 ? $"{flag} {text}: the pipeline has no steps" : $"{flag} {text}: there is no such step{service}. There {(names.Count == 1 ? "is" : "are")}: {string.Join(", ", names)}");
    }

    /// <summary>A step and all that it waits for, in its workflow and in those before it.</summary>
    public IEnumerable<ChosenStep> WithDependencies(ChosenStep step)
    {
        var workflow = Workflow(step.Workflow);
        var before = Reach([step.Step], name => workflow.Steps.Where(s => s.Name == name).SelectMany(s => s.DependsOn).Select(d => d.Name));
        var earlier = Reach(workflow.DependsOn.Select(d => d.Name), name => plan.Workflows.Where(w => w.Name == name).SelectMany(w => w.DependsOn).Select(d => d.Name));
        return [.. before.Select(s => new ChosenStep(workflow.Name, s)), .. plan.Workflows.Where(w => earlier.Contains(w.Name)).SelectMany(StepsOf)];
    }

    /// <summary>A step and all that waits for it, in its workflow and in those after it.</summary>
    public IEnumerable<ChosenStep> WithDependents(ChosenStep step)
    {
        var workflow = Workflow(step.Workflow);
        var after = Reach([step.Step], name => workflow.Steps.Where(s => s.DependsOn.Any(d => d.Name == name)).Select(s => s.Name));
        var later = Reach(WorkflowsAfter(workflow.Name), WorkflowsAfter);
        return [.. after.Select(s => new ChosenStep(workflow.Name, s)), .. plan.Workflows.Where(w => later.Contains(w.Name)).SelectMany(StepsOf)];
    }

    private IEnumerable<string> WorkflowsAfter(string name) => plan.Workflows.Where(w => w.DependsOn.Any(d => d.Name == name)).Select(w => w.Name);

    private WorkflowPlan Workflow(string name) => plan.Workflows.First(w => w.Name == name);

    private static IEnumerable<ChosenStep> StepsOf(WorkflowPlan workflow) => workflow.Steps.Select(s => new ChosenStep(workflow.Name, s.Name));

    private static bool IsNamed(WorkflowPlan workflow, StepPlan step, string text) =>
        text == step.Name || text == $"{workflow.Name}/{step.Name}" || text == $"{workflow.MatrixRules?.Workflow}/{step.Name}" || text == $"{workflow.Label}/{step.Name}"
        || text == $"{CellLabel.Short(workflow.Name, workflow.Matrix)}/{step.Name}";

    private static HashSet<string> Reach(IEnumerable<string> from, Func<string, IEnumerable<string>> next)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal);
        var open = new Queue<string>(from);
        while (open.TryDequeue(out var name))
        {
            if (reached.Add(name))
            {
                foreach (var neighbour in next(name))
                {
                    open.Enqueue(neighbour);
                }
            }
        }

        return reached;
    }
}
