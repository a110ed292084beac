namespace BuildRunner.Server.Storage.Rows;

/// <summary>One attempt of a run: its state, and what of it is searched for.</summary>
internal sealed class RunRow
{
    public required Guid Id { get; init; }

    public required Guid Repository { get; init; }

    /// <summary>Counts per repository, from 1. A rerun keeps it.</summary>
    public required int Number { get; init; }

    /// <summary>From 1; a rerun has the next.</summary>
    public required int Attempt { get; init; }

    /// <summary>Of <see cref="State"/>; one higher with each save.</summary>
    public required long Version { get; set; }

    /// <summary>JSON of the run's state; null for a run whose files have errors.</summary>
    public string? State { get; set; }

    public required RunStage Stage { get; set; }

    /// <summary>The outcome's word; null while it goes on.</summary>
    public string? Outcome { get; set; }

    public required string Event { get; init; }

    public required string Branch { get; init; }

    /// <summary>The full ref: tells pull requests of one target branch apart.</summary>
    public required string Ref { get; init; }

    public required string Commit { get; init; }

    /// <summary>First line of the commit's message, or what a person gave.</summary>
    public required string Title { get; init; }

    /// <summary>Who or what caused it.</summary>
    public required string Author { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When its first workflow was taken.</summary>
    public DateTimeOffset? StartedAt { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>Why it ended so, as a clause for lists; null if there is nothing to say.</summary>
    public string? Reason { get; set; }

    /// <summary>When its logs were removed because their time was over; null: they are there.</summary>
    public DateTimeOffset? LogsRemovedAt { get; set; }

    /// <summary>When the machine has to be asked again at the latest.</summary>
    public DateTimeOffset? Deadline { get; set; }

    /// <summary>True: comes from somebody who may not write to the repository.</summary>
    public required bool Stranger { get; init; }

    /// <summary>JSON of <see cref="Triggers.TrustDecision"/>.</summary>
    public required string Trust { get; init; }

    /// <summary>Runs with a higher one go first.</summary>
    public required int Priority { get; init; }

    /// <summary>As of the repository.</summary>
    public long LastServed { get; set; }

    /// <summary>Another attempt of it.</summary>
    public RunRow Next(Guid id, int attempt, DateTimeOffset now, string state) => new()
    {
        Id = id,
        Repository = Repository,
        Number = Number,
        Attempt = attempt,
        Version = 1,
        State = state,
        Stage = RunStage.Queued,
        Event = Event,
        Branch = Branch,
        Ref = Ref,
        Commit = Commit,
        Title = Title,
        Author = Author,
        CreatedAt = now,
        Priority = Priority,
        Stranger = Stranger,
        Trust = Trust,
    };
}

/// <summary>Where a run is, coarsely.</summary>
internal enum RunStage
{
    /// <summary>Somebody has to approve it.</summary>
    Blocked,

    /// <summary>Nothing of it has been taken yet.</summary>
    Queued,

    /// <summary>It goes on.</summary>
    Running,

    /// <summary>It has ended.</summary>
    Ended,
}

/// <summary>What a run does; never changes, and is apart from the run because that is written often.</summary>
internal sealed class RunPlanRow
{
    public required Guid Run { get; init; }

    /// <summary>JSON of the plan; null for a run whose files have errors.</summary>
    public string? Plan { get; init; }

    /// <summary>JSON of the diagnostics; null if there are none.</summary>
    public string? Diagnostics { get; init; }
}

/// <summary>The digest that an image had when a run first used it.</summary>
internal sealed class RunImageRow
{
    public required Guid Run { get; init; }

    /// <summary>What was written after <c>image:</c>.</summary>
    public required string Image { get; init; }

    public required string Digest { get; init; }
}
