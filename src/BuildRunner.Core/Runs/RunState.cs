using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace BuildRunner.Core.Runs;

/// <summary>What has happened in a run so far. Only <see cref="RunOrchestrator"/> writes it, and only with what <see cref="RunMachine"/> says.</summary>
public sealed record RunState
{
    /// <summary>Which run.</summary>
    public required RunId Id { get; init; }

    /// <summary>When it was accepted.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Its workflows, in the order of the plan.</summary>
    public required ImmutableArray<WorkflowState> Workflows { get; init; }

    /// <summary>Who cancelled it and when; null if nobody did. From then on no step starts but those that run at cancellation.</summary>
    public CancelRequest? Cancel { get; init; }

    /// <summary>How it ended; null while it goes on.</summary>
    public RunResult? Result { get; init; }

    /// <summary>The workflow of that name.</summary>
    /// <exception cref="KeyNotFoundException">The run has none of that name.</exception>
    public WorkflowState Workflow(string name) =>
        Workflows.FirstOrDefault(w => w.Name == name) ?? throw new KeyNotFoundException($"the run has no workflow '{name}'");
}

/// <summary>A wish to end a run.</summary>
/// <param name="Why">Who or what; a sentence.</param>
/// <param name="At">When.</param>
public sealed record CancelRequest(string Why, DateTimeOffset At);

/// <summary>How a run ended.</summary>
/// <param name="Outcome">The sum of its workflows.</param>
/// <param name="At">When.</param>
public sealed record RunResult(Outcome Outcome, DateTimeOffset At);

/// <summary>One workflow of a run.</summary>
public sealed record WorkflowState
{
    /// <summary>Its name in the plan.</summary>
    public required string Name { get; init; }

    /// <summary>Where it is.</summary>
    public required WorkflowPhase Phase { get; init; }

    /// <summary>Its steps, in the order of the plan.</summary>
    public required ImmutableArray<StepState> Steps { get; init; }

    /// <summary>Its services, in the order of the plan. They end with the workflow; one that failed by itself fails it, unless its <c>failure</c> is <c>ignore</c>.</summary>
    public ImmutableArray<StepState> Services { get; init; } = [];

    /// <summary>Why it ends early; null if it does not. From then on no step of it starts.</summary>
    public Outcome? Halt { get; init; }

    /// <summary>The step of that name.</summary>
    /// <exception cref="KeyNotFoundException">The workflow has none of that name.</exception>
    public StepState Step(string name) =>
        Steps.FirstOrDefault(s => s.Name == name) ?? throw new KeyNotFoundException($"workflow '{Name}' has no step '{name}'");
}

/// <summary>Where a workflow is. A closed hierarchy.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(Waiting), "waiting")]
[JsonDerivedType(typeof(Queued), "queued")]
[JsonDerivedType(typeof(Starting), "starting")]
[JsonDerivedType(typeof(Running), "running")]
[JsonDerivedType(typeof(Ending), "ending")]
[JsonDerivedType(typeof(Done), "done")]
public abstract record WorkflowPhase
{
    private WorkflowPhase()
    {
    }

    /// <summary>For the workflows that it depends on.</summary>
    public sealed record Waiting : WorkflowPhase;

    /// <summary>Due, and not yet taken by anybody who makes it.</summary>
    /// <param name="Since">When it became due.</param>
    public sealed record Queued(DateTimeOffset Since) : WorkflowPhase;

    /// <summary>Taken: its network, workspace and services are being made.</summary>
    /// <param name="Since">When it was taken; its time runs from here.</param>
    /// <param name="Deadline">When its time is up; null: never.</param>
    public sealed record Starting(DateTimeOffset Since, DateTimeOffset? Deadline) : WorkflowPhase;

    /// <summary>Its steps run.</summary>
    /// <param name="Since">When it was started.</param>
    /// <param name="Deadline">When its time is up; null: never.</param>
    public sealed record Running(DateTimeOffset Since, DateTimeOffset? Deadline) : WorkflowPhase;

    /// <summary>Every step has ended; services and workspace are being removed.</summary>
    /// <param name="Since">When it was started.</param>
    public sealed record Ending(DateTimeOffset Since) : WorkflowPhase;

    /// <summary>Nothing of it is left to do.</summary>
    /// <param name="Outcome">The sum of its steps' conclusions.</param>
    /// <param name="StartedAt">When it was started; null if it never was.</param>
    /// <param name="At">When it ended.</param>
    public sealed record Done(Outcome Outcome, DateTimeOffset? StartedAt, DateTimeOffset At) : WorkflowPhase;
}
