using System.Collections.Immutable;
using BuildRunner.Core.AgentContract;
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
    /// <summary>The digest that the image had when the run first used it; null: nobody has used it yet.</summary>
    public string? PinnedDigest { get; init; }

    /// <summary>Where a clone step finds the source; null for every other, and in a local run.</summary>
    public SourceAccess? Source { get; init; }

    /// <summary>True: a stranger wrote what is fetched, and does not choose where else this machine fetches from.</summary>
    public bool Stranger { get; init; }

    /// <summary>The run as people name it; empty in a local run.</summary>
    public string Repository { get; init; } = "";

    /// <summary>The first attempt of a step, as far as it is known before the step is due.</summary>
    internal static StepAttempt Ahead(StepPlan step) => new(step, 1, default, null, WorkflowStatus.Success, NoOutputs);

    /// <summary>No outputs of earlier steps.</summary>
    public static IReadOnlyDictionary<string, ImmutableDictionary<string, string>> NoOutputs { get; } =
        ImmutableDictionary<string, ImmutableDictionary<string, string>>.Empty;
}
