using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Runs;

/// <summary>A plan with its names looked up once.</summary>
internal sealed class PlanIndex
{
    private readonly Dictionary<string, int> workflows;
    private readonly Dictionary<string, int>[] steps;
    private readonly Dictionary<string, int>[] services;

    public PlanIndex(RunPlan plan, LateConditionJudge? evaluate)
    {
        Plan = plan;
        Evaluate = evaluate ?? LateConditions.Judge;
        workflows = Numbered(plan.Workflows.Select(w => w.Name));
        steps = [.. plan.Workflows.Select(w => Numbered(w.Steps.Select(s => s.Name)))];
        services = [.. plan.Workflows.Select(w => Numbered(w.Services.Select(s => s.Name)))];
        Stoppers = [.. plan.Workflows.SelectMany((w, at) => w.Steps.Select((s, i) => (Step: s, Place: (at, i))).Where(s => s.Step.Failure == FailureMode.Cancel).Select(s => s.Place))];
    }

    /// <summary>The positions of steps with <c>failure: cancel</c>: of their workflow, and in it.</summary>
    public IReadOnlyList<(int Workflow, int Step)> Stoppers { get; }

    public RunPlan Plan { get; }

    public LateConditionJudge Evaluate { get; }

    /// <summary>The workflow's position, or null.</summary>
    public int? Workflow(string name) => Find(workflows, name);

    /// <summary>How people read the name of a workflow: of a matrix cell with its values.</summary>
    public string LabelOf(string name) => Workflow(name) is { } at ? Plan.Workflows[at].Label : name;

    /// <summary>The step's position in its workflow, or null.</summary>
    public int? Step(int workflow, string name) => Find(steps[workflow], name);

    /// <summary>The service's position in its workflow, or null.</summary>
    public int? Service(int workflow, string name) => Find(services[workflow], name);

    private static int? Find(Dictionary<string, int> names, string name) => names.TryGetValue(name, out var at) ? at : null;

    private static Dictionary<string, int> Numbered(IEnumerable<string> names) =>
        names.Select((name, at) => (name, at)).ToDictionary(p => p.name, p => p.at, StringComparer.Ordinal);
}
