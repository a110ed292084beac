namespace BuildRunner.Core.Planning;

/// <summary>What is known of a run beyond its <see cref="RunEvent"/>, to be told to steps as <c>CI_*</c> variables. What is null or empty is not told.</summary>
public sealed record RunFacts
{
    /// <summary>The repository.</summary>
    public RepositoryFacts Repository { get; init; } = new();

    /// <summary>The commit.</summary>
    public CommitFacts Commit { get; init; } = new();

    /// <summary>The run.</summary>
    public PipelineFacts Pipeline { get; init; } = new();

    /// <summary>The run before it on the same branch; null: there is none.</summary>
    public PreviousFacts? Previous { get; init; }

    /// <summary>BuildRunner itself.</summary>
    public SystemFacts System { get; init; } = new();
}

/// <summary>The repository.</summary>
public sealed record RepositoryFacts
{
    /// <summary>Id at the forge.</summary>
    public string? RemoteId { get; init; }

    /// <summary>Web address; also gives the workspace its path.</summary>
    public string? Url { get; init; }

    /// <summary>Clone address.</summary>
    public string? CloneUrl { get; init; }

    /// <summary>Clone address over SSH.</summary>
    public string? CloneSshUrl { get; init; }

    /// <summary>Whether it is private.</summary>
    public bool? Private { get; init; }

    /// <summary>Whether its steps may change their network.</summary>
    public bool TrustedNetwork { get; init; }

    /// <summary>Whether its steps may mount folders of the host.</summary>
    public bool TrustedVolumes { get; init; }

    /// <summary>Whether its steps may be privileged.</summary>
    public bool TrustedSecurity { get; init; }
}

/// <summary>The commit.</summary>
public sealed record CommitFacts
{
    /// <summary><c>source:target</c> of a pull request.</summary>
    public string? Refspec { get; init; }

    /// <summary>Message.</summary>
    public string? Message { get; init; }

    /// <summary>When it was made, in seconds since 1970.</summary>
    public long? Timestamp { get; init; }

    /// <summary>Author's user name.</summary>
    public string? Author { get; init; }

    /// <summary>Author's address.</summary>
    public string? AuthorEmail { get; init; }

    /// <summary>Source branch of a pull request.</summary>
    public string? SourceBranch { get; init; }

    /// <summary>Target branch of a pull request.</summary>
    public string? TargetBranch { get; init; }

    /// <summary>Number of the pull request.</summary>
    public long? PullRequest { get; init; }

    /// <summary>Labels of the pull request.</summary>
    public IReadOnlyList<string> PullRequestLabels { get; init; } = [];

    /// <summary>Milestone of the pull request.</summary>
    public string? PullRequestMilestone { get; init; }

    /// <summary>Whether the pull request is a draft.</summary>
    public bool PullRequestDraft { get; init; }
}

/// <summary>The run.</summary>
public sealed record PipelineFacts
{
    /// <summary>Number.</summary>
    public long? Number { get; init; }

    /// <summary>Number of the run it was made from.</summary>
    public long? Parent { get; init; }

    /// <summary>Why a pull request's metadata event was sent.</summary>
    public string? EventReason { get; init; }

    /// <summary>Its page.</summary>
    public string? Url { get; init; }

    /// <summary>The page of its cause at the forge.</summary>
    public string? ForgeUrl { get; init; }

    /// <summary>Target of a deployment.</summary>
    public string? DeployTarget { get; init; }

    /// <summary>Task of a deployment.</summary>
    public string? DeployTask { get; init; }

    /// <summary>Title of a release.</summary>
    public string? ReleaseTitle { get; init; }

    /// <summary>Whether a release is a pre-release.</summary>
    public bool ReleasePre { get; init; }

    /// <summary>When it was made, in seconds since 1970.</summary>
    public long? Created { get; init; }

    /// <summary>When it started, in seconds since 1970.</summary>
    public long? Started { get; init; }

    /// <summary>User who caused it.</summary>
    public string? Author { get; init; }

    /// <summary>That user's picture.</summary>
    public string? Avatar { get; init; }

    /// <summary>How often it was started again.</summary>
    public int Reruns { get; init; }
}

/// <summary>The run before.</summary>
public sealed record PreviousFacts
{
    /// <summary>What it was for.</summary>
    public required RunEvent Event { get; init; }

    /// <summary>Its commit.</summary>
    public CommitFacts Commit { get; init; } = new();

    /// <summary>The run.</summary>
    public PipelineFacts Pipeline { get; init; } = new();

    /// <summary>How it ended: <c>success</c>, <c>failure</c>.</summary>
    public string? Status { get; init; }

    /// <summary>When it ended, in seconds since 1970.</summary>
    public long? Finished { get; init; }
}

/// <summary>BuildRunner itself, and the forge.</summary>
public sealed record SystemFacts
{
    /// <summary>Name of the system; the value of <c>CI</c>.</summary>
    public string Name { get; init; } = "buildrunner";

    /// <summary>Address of the server.</summary>
    public string? Url { get; init; }

    /// <summary>Host name of the server; what <c>when.instance</c> looks at.</summary>
    public string? Host { get; init; }

    /// <summary>Platform that steps run on, such as <c>linux/amd64</c>; what <c>when.platform</c> looks at.</summary>
    public string? Platform { get; init; }

    /// <summary>Version.</summary>
    public string? Version { get; init; }

    /// <summary>Kind of forge: <c>github</c>.</summary>
    public string? ForgeType { get; init; }

    /// <summary>Address of the forge.</summary>
    public string? ForgeUrl { get; init; }
}
