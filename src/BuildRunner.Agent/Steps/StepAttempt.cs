using System.Collections.Immutable;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>One attempt to run.</summary>
/// <param name="Step">What to run.</param>
/// <param name="Number">From 1.</param>
/// <param name="QueuedAt">When it became due.</param>
/// <param name="NotBefore">The delay of a retry; null: at once.</param>
/// <param name="Status">The workflow's status.</param>
/// <param name="Outputs">Outputs of earlier steps, by step.</param>
public sealed record StepAttempt(
    StepPlan Step,
    int Number,
    DateTimeOffset QueuedAt,
    DateTimeOffset? NotBefore,
    WorkflowStatus Status,
    IReadOnlyDictionary<string, ImmutableDictionary<string, string>> Outputs)
{
    /// <summary>No outputs of earlier steps.</summary>
    public static IReadOnlyDictionary<string, ImmutableDictionary<string, string>> NoOutputs { get; } =
        ImmutableDictionary<string, ImmutableDictionary<string, string>>.Empty;
}
