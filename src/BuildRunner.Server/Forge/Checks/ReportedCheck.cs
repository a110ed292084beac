namespace BuildRunner.Server.Forge.Checks;

/// <summary>What is known of a check at the forge: what was sent, and how it was answered. Stored; only <see cref="CheckPlan"/> makes new ones.</summary>
internal sealed record ReportedCheck
{
    /// <summary>Nothing was sent.</summary>
    public static ReportedCheck Nothing { get; } = new();

    /// <summary>The forge's number; null: not known.</summary>
    public long? Id { get; init; }

    /// <summary>True: a request that was not answered may have made it; it has to be looked for.</summary>
    public bool MayExist { get; init; }

    /// <summary>How often it was looked for in vain since.</summary>
    public int Misses { get; init; }

    /// <summary>The revision that was sent last; 0: none.</summary>
    public long Revision { get; init; }

    /// <summary>Whether what was sent last was the end.</summary>
    public bool Completed { get; init; }

    /// <summary>How many annotations the forge has.</summary>
    public int Annotations { get; init; }

    /// <summary>True: a request that was not answered may have added annotations; they have to be counted.</summary>
    public bool AnnotationsUnsure { get; init; }

    /// <summary>How it is reported.</summary>
    public ReportMode Mode { get; init; }

    /// <summary>How much is left out, because the forge refused it.</summary>
    public ReportDetail Detail { get; init; }

    /// <summary>How often it was made anew, because the forge no longer had it.</summary>
    public int Remade { get; init; }

    /// <summary>Failures in a row.</summary>
    public int Failures { get; init; }

    /// <summary>When something was sent last.</summary>
    public DateTimeOffset? SentAt { get; init; }

    /// <summary>Nothing is sent before.</summary>
    public DateTimeOffset NotBefore { get; init; }

    /// <summary>Why it is reported no more, for an administrator; null: it is.</summary>
    public string? GaveUp { get; init; }
}

/// <summary>How the forge is told.</summary>
internal enum ReportMode
{
    /// <summary>By a check run.</summary>
    Check,

    /// <summary>By a commit status: who has no app, or an app without the permission, can do no more.</summary>
    Status,
}

/// <summary>How much is told.</summary>
internal enum ReportDetail
{
    /// <summary>Everything.</summary>
    Everything,

    /// <summary>No annotations.</summary>
    NoAnnotations,

    /// <summary>Neither annotations nor summary: the verdict and where the details are.</summary>
    VerdictOnly,
}
