using System.Text;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Tests.Planning;

/// <summary>Short ways to plan a text.</summary>
internal static class Plans
{
    public static RunEvent Push { get; } = new()
    {
        Kind = "push",
        Branch = "main",
        Ref = "refs/heads/main",
        Commit = "0123456789abcdef0123456789abcdef01234567",
        Repository = "octocat/hello",
    };

    public static PipelineSource Source(string yaml, string path = ".woodpecker/build.yml") => new(path, Encoding.UTF8.GetBytes(yaml));

    public static PlanResult Result(string yaml, RunEvent? runEvent = null) => Planner.Plan([Source(yaml)], runEvent ?? Push);

    public static RunPlan Run(RunEvent runEvent, params (string Path, string Yaml)[] files)
    {
        var result = Planner.Plan([.. files.Select(file => Source(file.Yaml, file.Path))], runEvent);
        Assert.True(result.Plan is not null, string.Join('\n', result.Diagnostics));
        return result.Plan;
    }

    public static WorkflowPlan Workflow(string yaml, RunEvent? runEvent = null) => Assert.Single(Run(runEvent ?? Push, (".woodpecker/build.yml", yaml)).Workflows);

    /// <summary>The steps without the clone step.</summary>
    public static IReadOnlyList<StepPlan> Steps(string yaml, RunEvent? runEvent = null) => [.. Workflow(yaml, runEvent).Steps.Where(step => step.Kind != StepKind.Clone)];

    public static StepPlan Step(string yaml, RunEvent? runEvent = null) => Assert.Single(Steps(yaml, runEvent));

    /// <summary>Plans a step with some keys below <c>image</c>.</summary>
    public static StepPlan StepWith(string keys, RunEvent? runEvent = null) => Step("steps:\n  - name: a\n    image: x\n" + Indent(keys, 4), runEvent);

    public static IReadOnlyList<Diagnostic> Errors(string yaml, RunEvent? runEvent = null) =>
        [.. Result(yaml, runEvent).Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error)];

    public static Diagnostic Error(string yaml, RunEvent? runEvent = null) => Assert.Single(Errors(yaml, runEvent));

    public static Diagnostic ErrorOfStepWith(string keys) => Error("steps:\n  - name: a\n    image: x\n" + Indent(keys, 4));

    public static string Literal(this StepPlan step, string name) => Assert.IsType<PlanValue.Literal>(step.Environment[name]).Text;

    public static IEnumerable<string> Needs(this StepPlan step) => step.DependsOn.Select(dependency => dependency.Name);

    public static RunEvent With(this RunEvent runEvent, string name, string value) =>
        runEvent with { Variables = new Dictionary<string, string>(runEvent.Variables) { [name] = value } };

    private static string Indent(string text, int width) => string.Concat(text.Split('\n').Select(line => new string(' ', width) + line + "\n"));
}
