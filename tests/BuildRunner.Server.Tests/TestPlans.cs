using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Tests;

/// <summary>Plans as tests need them.</summary>
internal static class TestPlans
{
    public static TrustDecision Trusted { get; } = new()
    {
        NeedsApproval = null,
        SecretsWithheld = null,
        Flags = TrustedFlags.None,
        Stranger = false,
        Cache = new CacheScope("refs/heads/main", ["refs/heads/main"]),
    };

    /// <summary>One workflow <c>ci</c> with steps one after the other.</summary>
    public static RunPlan Steps(params string[] steps) => Of(Workflow("ci", steps));

    public static RunPlan Of(params WorkflowPlan[] workflows) => new(workflows, new RunEvent { Kind = "push", Branch = "main", Ref = "refs/heads/main", Commit = new string('a', 40) });

    public static WorkflowPlan Workflow(string name, params string[] steps) => new()
    {
        Name = name,
        File = name + ".yml",
        WorkspaceBase = "/woodpecker",
        WorkspaceTree = "/woodpecker/src",
        Steps = [.. steps.Select((s, i) => Step(s) with { DependsOn = i == 0 ? [] : [new PlanDependency(steps[i - 1])] })],
    };

    public static StepPlan Step(string name) => new() { Name = name, Kind = StepKind.Commands, Image = "busybox", Commands = ["true"], Location = new SourceLocation("ci.yml", 1, 1) };
}
