using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Running;

/// <summary>What a local run does, and how.</summary>
internal sealed record LocalRunSpec
{
    /// <summary>The run's id.</summary>
    public required RunId Id { get; init; }

    /// <summary>What to do.</summary>
    public required RunPlan Plan { get; init; }

    /// <summary>The working tree.</summary>
    public required string Tree { get; init; }

    /// <summary>Steps write to the tree itself.</summary>
    public bool InPlace { get; init; }

    /// <summary>How many steps run at once.</summary>
    public required int Jobs { get; init; }

    /// <summary>Secrets by name.</summary>
    public IReadOnlyDictionary<string, string> Secrets { get; init; } = new Dictionary<string, string>();

    /// <summary>Added to every step's environment.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Replacements of images.</summary>
    public IReadOnlyDictionary<string, string> ImageMap { get; init; } = new Dictionary<string, string>();

    /// <summary>When to ask registries; null: as steps say.</summary>
    public PullPolicy? Pull { get; init; }

    /// <summary>Steps are told to colour their output.</summary>
    public bool Colour { get; init; }

    /// <summary>What steps may ask for.</summary>
    public required StepPolicy Policy { get; init; }

    /// <summary>Limits of a step that names none.</summary>
    public ResourceLimits DefaultLimits { get; init; } = ResourceLimits.None;

    /// <summary>Judges late conditions.</summary>
    public LateConditionJudge? Judge { get; init; }

    /// <summary>Called with the merged view of each workflow's workspace before it goes.</summary>
    public Func<WorkflowPlan, string?, CancellationToken, Task>? BeforeRelease { get; init; }
}
