using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Engine;
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

    /// <summary>How many steps run at once.</summary>
    public required int Slots { get; init; }

    /// <summary>How images are resolved.</summary>
    public required Func<IContainerEngine, CancellationToken, RunImages> Images { get; init; }

    /// <summary>Makes the job of a workflow: its plan, its place in the run, when the run began, and a folder for its files.</summary>
    public required Func<WorkflowPlan, int, DateTimeOffset, string, WorkflowJob> JobOf { get; init; }

    /// <summary>Judges late conditions.</summary>
    public LateConditionJudge? Judge { get; init; }
}
