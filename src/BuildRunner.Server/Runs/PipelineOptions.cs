using BuildRunner.Core.Planning;

namespace BuildRunner.Server.Runs;

/// <summary>What holds for pipelines where neither file nor repository says otherwise.</summary>
public sealed record PipelineOptions
{
    /// <summary>Time limit of a workflow that names none.</summary>
    public TimeSpan DefaultTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Longest time limit; a longer one in a file counts as this.</summary>
    public TimeSpan MaxTimeout { get; init; } = TimeSpan.FromHours(6);

    /// <summary>Whether a new run cancels those before it, where the repository does not say: of every ref, or of pull requests only.</summary>
    public bool CancelSupersededPushes { get; init; }

    /// <summary>The plan with a time limit for each workflow.</summary>
    internal RunPlan Limit(RunPlan plan, TimeSpan? ofRepository) => plan with
    {
        Workflows = [.. plan.Workflows.Select(w => w with { Timeout = Min(w.Timeout ?? ofRepository ?? DefaultTimeout, MaxTimeout) })],
    };

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
