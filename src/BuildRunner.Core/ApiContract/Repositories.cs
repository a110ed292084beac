namespace BuildRunner.Core.ApiContract;

/// <summary>A repository that BuildRunner knows.</summary>
public sealed record Repository
{
    /// <summary><c>owner/name</c>.</summary>
    public required string Name { get; init; }

    /// <summary>https, ssh, or an absolute path below a folder that an administrator allowed. Never with a credential in it.</summary>
    public required string CloneUrl { get; init; }

    /// <summary>The branch of runs that name none.</summary>
    public required string DefaultBranch { get; init; }

    /// <summary>What an administrator set.</summary>
    public required RepositorySettings Settings { get; init; }

    /// <summary>When it was added.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Its latest run; null: none yet.</summary>
    public RunSummary? LatestRun { get; init; }

    /// <summary>For administrators, of one repository: what its endpoints refused, and therefore is not among the deliveries. Null where it is not told.</summary>
    public IReadOnlyList<RefusedInfo>? Refused { get; init; }

    /// <summary>In the answer to adding one: what was done, or is left to do, so that the forge's events arrive here, as a sentence. Null otherwise.</summary>
    public string? Webhook { get; init; }
}

/// <summary>A repository to be added.</summary>
public sealed record AddRepository
{
    /// <summary><c>owner/name</c>, letters, digits, <c>.</c>, <c>-</c>, <c>_</c>; unique without regard to case.</summary>
    public required string Name { get; init; }

    /// <summary>As <see cref="Repository.CloneUrl"/>.</summary>
    public required string CloneUrl { get; init; }

    /// <summary>Null: the remote's own.</summary>
    public string? DefaultBranch { get; init; }

    /// <summary>User for https; null: none.</summary>
    public string? User { get; init; }

    /// <summary>Password or token for https, private key for ssh. Kept sealed; never comes back.</summary>
    public string? Credential { get; init; }

    /// <summary>Null: the defaults.</summary>
    public RepositorySettings? Settings { get; init; }
}

/// <summary>What is to change; null leaves it as it is.</summary>
public sealed record ChangeRepository
{
    /// <summary>As <see cref="AddRepository.CloneUrl"/>.</summary>
    public string? CloneUrl { get; init; }

    /// <summary>As <see cref="AddRepository.DefaultBranch"/>.</summary>
    public string? DefaultBranch { get; init; }

    /// <summary>As <see cref="AddRepository.User"/>; empty removes it.</summary>
    public string? User { get; init; }

    /// <summary>As <see cref="AddRepository.Credential"/>; empty removes it.</summary>
    public string? Credential { get; init; }

    /// <summary>All settings anew.</summary>
    public RepositorySettings? Settings { get; init; }
}

/// <summary>What an administrator set for a repository. Nothing in the repository has a say.</summary>
public sealed record RepositorySettings
{
    /// <summary>Where the pipeline files are, relative to the tree; null: where they usually are.</summary>
    public string? PipelinePath { get; init; }

    /// <summary>Steps may be privileged.</summary>
    public bool TrustPrivileged { get; init; }

    /// <summary>Steps may mount folders of the agent's host (those that the agent allows too).</summary>
    public bool TrustVolumes { get; init; }

    /// <summary>Steps may have devices of the agent's host (those that the agent allows too).</summary>
    public bool TrustDevices { get; init; }

    /// <summary>Steps may change their network.</summary>
    public bool TrustNetwork { get; init; }

    /// <summary>Whose pull requests need an approval: <c>never</c>, <c>forks</c>, <c>outside_contributors</c>, <c>all</c>.</summary>
    public string Approve { get; set; } = "outside_contributors";

    /// <summary>Runs with a higher one go first.</summary>
    public int Priority { get; init; }

    /// <summary>A new run of a branch or pull request cancels those before it; null: of pull requests only.</summary>
    public bool? CancelSuperseded { get; init; }

    /// <summary>Seconds that a workflow may take if its file names no limit; null: the server's.</summary>
    public long? TimeoutSeconds { get; init; }
}
