using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Tests.Runs;

/// <summary>Plans made by hand.</summary>
internal static class Plans
{
    public static RunPlan Run(params WorkflowPlan[] workflows) => new(workflows, new RunEvent { Kind = "manual" });

    /// <summary>A run of one workflow, <c>ci</c>.</summary>
    public static RunPlan Run(params StepPlan[] steps) => Run(Workflow("ci", steps));

    public static WorkflowPlan Workflow(string name, params StepPlan[] steps) =>
        new() { Name = name, File = $"{name}.yml", WorkspaceBase = "/woodpecker", WorkspaceTree = "/woodpecker/src", Steps = steps };

    public static WorkflowPlan After(this WorkflowPlan workflow, params string[] names) =>
        workflow with { DependsOn = [.. names.Select(n => new PlanDependency(n))] };

    public static WorkflowPlan RunsOn(this WorkflowPlan workflow, params string[] results) => workflow with { RunsOn = results.ToHashSet() };

    public static StepPlan Step(string name, params string[] after) => new()
    {
        Name = name,
        Kind = StepKind.Commands,
        Image = "busybox",
        Commands = ["true"],
        Location = new SourceLocation("ci.yml", 1, 1),
        DependsOn = [.. after.Select(n => new PlanDependency(n))],
    };

    public static StepPlan On(this StepPlan step, params string[] status) => step with { RunsOnStatus = status.ToHashSet() };

    public static StepPlan Retry(this StepPlan step, int max, string[] on, int[]? codes = null, TimeSpan delay = default) =>
        step with { Retry = new RetryPlan(max, on.ToHashSet(), (codes ?? []).ToHashSet(), delay) };
}
