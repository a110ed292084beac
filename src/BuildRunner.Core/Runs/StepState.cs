using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace BuildRunner.Core.Runs;

/// <summary>One step, or service, of a workflow.</summary>
public sealed record StepState
{
    /// <summary>Its name in the plan.</summary>
    public required string Name { get; init; }

    /// <summary>Where it is.</summary>
    public required StepPhase Phase { get; init; }

    /// <summary>Attempts that have ended, in order. All are kept.</summary>
    public ImmutableArray<AttemptRecord> Attempts { get; init; } = [];

    /// <summary>What its last attempt wrote to its outputs file.</summary>
    public ImmutableDictionary<string, string> Outputs { get; init; } = ImmutableDictionary<string, string>.Empty;
}

/// <summary>Where a step is. A closed hierarchy.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(Waiting), "waiting")]
[JsonDerivedType(typeof(Queued), "queued")]
[JsonDerivedType(typeof(Preparing), "preparing")]
[JsonDerivedType(typeof(Running), "running")]
[JsonDerivedType(typeof(Done), "done")]
public abstract record StepPhase
{
    private StepPhase()
    {
    }

    /// <summary>For its dependencies.</summary>
    public sealed record Waiting : StepPhase;

    /// <summary>Due, and not yet taken by anybody who runs it.</summary>
    /// <param name="Attempt">From 1.</param>
    /// <param name="Since">When it became due.</param>
    /// <param name="NotBefore">The delay of a retry; null: at once.</param>
    public sealed record Queued(int Attempt, DateTimeOffset Since, DateTimeOffset? NotBefore) : StepPhase;

    /// <summary>Taken; the image is fetched and the container made. No user code has run.</summary>
    /// <param name="Attempt">From 1.</param>
    /// <param name="QueuedAt">When it became due.</param>
    /// <param name="Since">When it was taken.</param>
    /// <param name="Stop">Why it is being stopped; null if it is not.</param>
    public sealed record Preparing(int Attempt, DateTimeOffset QueuedAt, DateTimeOffset Since, StopReason? Stop) : StepPhase;

    /// <summary>Started, or about to be: user code may have run.</summary>
    /// <param name="Attempt">From 1.</param>
    /// <param name="QueuedAt">When it became due.</param>
    /// <param name="Since">When it was started.</param>
    /// <param name="Image">The image, with digest where it has one.</param>
    /// <param name="Stop">Why it is being stopped; null if it is not.</param>
    public sealed record Running(int Attempt, DateTimeOffset QueuedAt, DateTimeOffset Since, string? Image, StopReason? Stop) : StepPhase;

    /// <summary>Ended, for good.</summary>
    /// <param name="Outcome">What happened.</param>
    /// <param name="Conclusion">What the workflow counts.</param>
    /// <param name="At">When.</param>
    /// <param name="Skip">Which rule skipped it; null if none did.</param>
    /// <param name="Warning">Something to know about a success; a clause, or null.</param>
    public sealed record Done(Outcome Outcome, Outcome Conclusion, DateTimeOffset At, SkipRule? Skip = null, string? Warning = null) : StepPhase;
}

/// <summary>Why a step did not run.</summary>
public enum SkipRule
{
    /// <summary>Its <c>when</c>, or that of a step it depends on, does not hold.</summary>
    Condition,

    /// <summary>It does not run under the workflow's status.</summary>
    Status,

    /// <summary>The run was cancelled.</summary>
    Cancelled,

    /// <summary>Its workflow did not start, or ended early.</summary>
    Workflow,
}

/// <summary>Why something that goes on is stopped. A closed hierarchy.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(Cancelled), "cancelled")]
[JsonDerivedType(typeof(TimeUp), "time_up")]
[JsonDerivedType(typeof(WorkflowOver), "workflow_over")]
public abstract record StopReason
{
    private StopReason()
    {
    }

    /// <summary>Somebody, or a step with <c>failure: cancel</c>, cancelled it.</summary>
    /// <param name="Why">A sentence.</param>
    public sealed record Cancelled(string Why) : StopReason;

    /// <summary>The workflow's time is up.</summary>
    /// <param name="Limit">The limit.</param>
    public sealed record TimeUp(TimeSpan Limit) : StopReason;

    /// <summary>Every other step has ended, and this one ends with its workflow.</summary>
    public sealed record WorkflowOver : StopReason;
}

/// <summary>One attempt that has ended.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Outcome">What happened, as it was reported.</param>
/// <param name="QueuedAt">When it became due.</param>
/// <param name="EndedAt">When it ended.</param>
/// <param name="Image">The image, with digest where it has one; null if it was never known.</param>
/// <param name="Phases">Where the time went.</param>
public sealed record AttemptRecord(int Number, Outcome Outcome, DateTimeOffset QueuedAt, DateTimeOffset EndedAt, string? Image, PhaseTimes Phases);

/// <summary>Where the time of an attempt went.</summary>
/// <param name="Queue">From due to taken.</param>
/// <param name="Pull">Fetching the image, as far as the step had to wait for it.</param>
/// <param name="Create">Making the container, as far as the step had to wait for it.</param>
/// <param name="Run">From start to end.</param>
public sealed record PhaseTimes(TimeSpan Queue, TimeSpan Pull, TimeSpan Create, TimeSpan Run)
{
    /// <summary>No time at all.</summary>
    public static PhaseTimes Zero { get; } = new(TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
}
