using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Repositories;

/// <summary>What an administrator set for a repository. Never read from the repository itself.</summary>
public sealed record RepositorySettings
{
    /// <summary>Where the pipeline files are, relative to the tree; null: where they usually are.</summary>
    public string? PipelinePath { get; init; }

    /// <summary>What its steps may ask for.</summary>
    public TrustedFlags Trusted { get; init; } = TrustedFlags.None;

    /// <summary>Whose pull requests need an approval.</summary>
    public ApprovalPolicy Approve { get; init; } = ApprovalPolicy.OutsideContributors;

    /// <summary>Runs with a higher one go first.</summary>
    public int Priority { get; init; }

    /// <summary>A new run of a branch or pull request cancels those before it; null: of pull requests only.</summary>
    public bool? CancelSuperseded { get; init; }

    /// <summary>Time limit of a workflow that names none; null: the server's.</summary>
    public TimeSpan? Timeout { get; init; }
}
