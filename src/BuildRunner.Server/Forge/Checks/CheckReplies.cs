namespace BuildRunner.Server.Forge.Checks;

/// <summary>What is read of GitHub's answer about a check. Octokit's own type cannot hold a check that has not started.</summary>
public sealed class CheckReply
{
    /// <summary>Its number.</summary>
    public long Id { get; set; }

    /// <summary>Ours.</summary>
    public string? ExternalId { get; set; }

    /// <summary>What it shows.</summary>
    public CheckOutputReply? Output { get; set; }
}

/// <summary>What a check shows.</summary>
public sealed class CheckOutputReply
{
    /// <summary>How many annotations it has.</summary>
    public int AnnotationsCount { get; set; }
}

/// <summary>A page of checks.</summary>
public sealed class CheckListReply
{
    /// <summary>The checks.</summary>
    public IReadOnlyList<CheckReply>? CheckRuns { get; set; }
}

/// <summary>A commit status that was set; nothing of it is needed.</summary>
public sealed class StatusReply
{
    /// <summary>Its number.</summary>
    public long Id { get; set; }
}
