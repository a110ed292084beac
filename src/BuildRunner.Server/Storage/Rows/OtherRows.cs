namespace BuildRunner.Server.Storage.Rows;

/// <summary>A log stream; its bytes lie in a file.</summary>
internal sealed class LogStreamRow
{
    public required Guid Work { get; init; }

    public required string Stream { get; init; }

    public required Guid Run { get; init; }

    /// <summary>Bytes when it ended, or when it was last looked at.</summary>
    public long Bytes { get; set; }

    public bool Ended { get; set; }

    /// <summary>Why bytes of it are missing; null if none are known to be.</summary>
    public string? Missing { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>A trigger that was accepted; the second one with the same key is the first one again.</summary>
internal sealed class DeliveryRow
{
    /// <summary>Who sends: <c>api</c>, <c>github</c> …</summary>
    public required string Source { get; init; }

    /// <summary>The sender's own id for it.</summary>
    public required string Key { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>The run it made; null: none yet, or none at all.</summary>
    public Guid? Run { get; set; }
}

/// <summary>A run that somebody has to approve.</summary>
internal sealed class ApprovalRow
{
    public required Guid Run { get; init; }

    /// <summary>The exact commit that is approved.</summary>
    public required string Commit { get; init; }

    public required string Reason { get; init; }

    public string? DecidedBy { get; set; }

    public bool? Approved { get; set; }

    public DateTimeOffset? DecidedAt { get; set; }
}

/// <summary>Something that was set at run time.</summary>
internal sealed class SettingRow
{
    public required string Key { get; init; }

    public required string Value { get; set; }
}

/// <summary>Which server does a job that only one may do.</summary>
internal sealed class LeaseRow
{
    public required string Name { get; init; }

    public required Guid Holder { get; set; }

    public required DateTimeOffset Until { get; set; }
}
