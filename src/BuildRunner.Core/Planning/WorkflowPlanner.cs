using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Planning;

/// <summary>Makes the <see cref="WorkflowPlan"/> of one matrix cell.</summary>
/// <param name="cell">The cell.</param>
/// <param name="diagnostics">Where problems go.</param>
internal sealed class WorkflowPlanner(WorkflowCell cell, DiagnosticBag diagnostics)
{
    // What fetches the source on an agent if the file does not say otherwise; a local run has the source already.
    private const string CloneImage = "docker.io/woodpeckerci/plugin-git:2.10.0";

    /// <summary>Makes it.</summary>
    /// <param name="file">What was written, substituted for this cell.</param>
    public WorkflowPlan Plan(PipelineFile file)
    {
        var context = Context(file);
        var facts = new WhenFacts(cell.Event, cell.Variables, cell.Matrix, file.Labels.GetValueOrDefault("platform") ?? cell.Variables.Get("CI_SYSTEM_PLATFORM") ?? "");
        var verdict = Judge(file, facts);
        var (steps, services) = Containers(file, context, facts);
        return new WorkflowPlan
        {
            Name = cell.Name,
            File = file.Path,
            Matrix = cell.Matrix,
            MatrixRules = cell.MatrixRules,
            Steps = steps,
            Services = services,
            DependsOn = [.. file.DependsOn.DistinctBy(dependency => dependency.Name).Select(dependency => new PlanDependency(dependency.Name, dependency.Optional))],
            RunsOn = file.RunsOn.Count > 0 && file.When.All(when => when.Status.Count == 0) ? file.RunsOn.ToHashSet() : verdict.Status,
            Labels = file.Labels,
            WorkspaceBase = context.WorkspaceBase,
            WorkspaceTree = context.Tree,
            Timeout = file.Timeout,
            Resources = file.Resources,
            Concurrency = file.Concurrency,
            SkipReason = verdict.SkipReason ?? (steps.All(step => step.SkipReason is not null || step.Kind == StepKind.Clone) ? "none of its steps runs" : null),
            Conditions = verdict.Conditions,
        };
    }

    private WhenVerdict Judge(IReadOnlyList<WhenFile> conditions, WhenFacts facts)
    {
        var verdict = WhenRules.Judge(conditions, facts);
        foreach (var problem in verdict.Problems)
            diagnostics.Error(DiagnosticCodes.BadExpression, problem.Location, problem.Text);
        return verdict;
    }

    private WhenVerdict Judge(PipelineFile file, WhenFacts facts)
    {
        var verdict = Judge(file.When, facts);
        if (verdict.SkipReason is not null || file.Branches is not { } branches)
            return verdict;
        var old = WhenRules.Judge([new WhenFile { Location = new SourceLocation(file.Path, 1, 1), Branch = branches }], facts);
        return verdict with { SkipReason = old.SkipReason };
    }

    private WorkflowContext Context(PipelineFile file)
    {
        var shared = new Dictionary<string, string>(cell.RunVariables, StringComparer.Ordinal);
        foreach (var (name, value) in CiVariables.ForWorkflow(cell.BaseName, cell.Number))
            shared[name] = value;
        var plugin = new Dictionary<string, string>(shared, StringComparer.Ordinal);
        foreach (var (name, value) in DroneVariables.For(shared))
            plugin[name] = value;
        foreach (var (name, value) in cell.Matrix)
            shared[name] = value;
        return new WorkflowContext(
            cell.Variables,
            file.WorkspaceBase is { } mount ? WorkspacePaths.Join(mount.Text) : WorkspacePaths.DefaultBase,
            file.WorkspacePath is { } path ? WorkspacePaths.Join(path.Text) : WorkspacePaths.DefaultPath(cell.Variables.Get("CI_REPO_URL")),
            Literals(shared),
            Literals(plugin));
    }

    private (List<StepPlan> Steps, List<StepPlan> Services) Containers(PipelineFile file, WorkflowContext context, WhenFacts facts)
    {
        var planner = new StepPlanner(context, diagnostics);
        var names = new UniqueNames();
        var steps = file.Steps.Select(step => (File: step, Name: names.Take(step.Name), Verdict: Judge(step.When, facts))).ToList();
        var plans = new List<StepPlan>();
        string? first = null;
        foreach (var clone in CloneSteps(file))
        {
            var verdict = Judge(clone.When, facts);
            var plan = planner.Plan(clone, names.Take(clone.Name), plans.Count, StepKind.Clone, verdict, new OrderedStep(first is null ? [] : [new PlanDependency(first)], verdict.SkipReason));
            plans.Add(plan);
            first = plan.SkipReason is null ? plan.Name : first;
        }
        var order = StepOrder.Arrange([.. steps.Select(step => (step.File, step.Name, step.Verdict.SkipReason))], first);
        for (var i = 0; i < steps.Count; i++)
        {
            var (step, name, verdict) = steps[i];
            plans.Add(planner.Plan(step, name, plans.Count, step.IsPlugin ? StepKind.Plugin : StepKind.Commands, verdict, order[i]));
        }
        var serviceNames = new UniqueNames();
        var services = file.Services.Select((service, index) =>
        {
            var verdict = Judge(service.When, facts);
            return planner.Plan(service, serviceNames.Take(service.Name), plans.Count + index, StepKind.Service, verdict, new OrderedStep([], verdict.SkipReason));
        }).ToList();
        return (plans, services);
    }

    private IReadOnlyList<StepFile> CloneSteps(PipelineFile file)
    {
        if (file.SkipClone)
            return [];
        if (file.CloneSteps.Count > 0)
            return file.CloneSteps;
        var place = new SourceLocation(file.Path, 1, 1);
        var settings = new List<YamlEntry> { new("depth", place, new YamlNode.Scalar(place, "0", plain: false)) };
        if (cell.Event.Kind == "tag")
            settings.Add(new YamlEntry("tags", place, new YamlNode.Scalar(place, "true", plain: false)));
        return [new StepFile { Name = "clone", Named = true, Implied = true, Location = place, Image = CloneImage, Settings = settings }];
    }

    private static Dictionary<string, PlanValue> Literals(Dictionary<string, string> values) =>
        values.ToDictionary(pair => pair.Key, PlanValue (pair) => new PlanValue.Literal(pair.Value), StringComparer.Ordinal);
}

/// <summary>One cell of a matrix, or the whole of a workflow without one.</summary>
internal sealed record WorkflowCell
{
    /// <summary>Unique in the run.</summary>
    public required string Name { get; init; }

    /// <summary>The workflow's name without the cell's number.</summary>
    public required string BaseName { get; init; }

    /// <summary>Place in the run, from 1.</summary>
    public required int Number { get; init; }

    /// <summary>What the run is for.</summary>
    public required RunEvent Event { get; init; }

    /// <summary>Variables of all steps of the run.</summary>
    public required IReadOnlyDictionary<string, string> RunVariables { get; init; }

    /// <summary>Variables for substitution and conditions.</summary>
    public required VariableScope Variables { get; init; }

    /// <summary>Values of the cell.</summary>
    public required IReadOnlyDictionary<string, string> Matrix { get; init; }

    /// <summary>How the cells run; null without a matrix.</summary>
    public MatrixPlan? MatrixRules { get; init; }
}
