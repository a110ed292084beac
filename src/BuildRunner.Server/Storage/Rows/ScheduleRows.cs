namespace BuildRunner.Server.Storage.Rows;

/// <summary>A schedule. This table is the truth; whatever fires it only looks here.</summary>
internal sealed class ScheduleRow
{
    public required Guid Id { get; init; }

    public required Guid Repository { get; init; }

    /// <summary>Unique in its repository; what <c>when.cron</c> names.</summary>
    public required string Name { get; set; }

    public required string Cron { get; set; }

    /// <summary>A name of the IANA database; empty: UTC.</summary>
    public required string Zone { get; set; }

    /// <summary>Null: the repository's default branch.</summary>
    public string? Branch { get; set; }

    /// <summary>JSON: values for <c>inputs</c>.</summary>
    public required string Inputs { get; set; }

    public required bool Enabled { get; set; }

    public required Schedules.MisfireRule Misfire { get; set; }

    public required Schedules.OverlapRule Overlap { get; set; }

    /// <summary>Up to here nothing is left to do.</summary>
    public required DateTimeOffset HandledUpTo { get; set; }

    /// <summary>When it is due next; null: never, or paused.</summary>
    public DateTimeOffset? NextDue { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }
}

/// <summary>One occurrence of a schedule: that it is there once is what keeps promise G10.</summary>
internal sealed class ScheduleFireRow
{
    public required Guid Schedule { get; init; }

    public required DateTimeOffset Due { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>Null: it has not been made yet, or there is none.</summary>
    public Guid? Run { get; set; }

    /// <summary>True: what there is to do for it has been done.</summary>
    public required bool Done { get; set; }

    public int Tries { get; set; }

    /// <summary>Why there is no run, as a sentence; empty if there is one.</summary>
    public required string Why { get; set; }
}
