using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Server.Storage.Rows;

/// <summary>A piece of work: the queue of record. Who may change it is decided by <see cref="State"/>, <see cref="Agent"/> and <see cref="Fence"/> in one statement.</summary>
internal sealed class WorkRow
{
    public required Guid Id { get; init; }

    public required Guid Run { get; init; }

    public required Guid Repository { get; init; }

    public required string Workflow { get; init; }

    /// <summary>The work that made the workflow; itself for that work.</summary>
    public required Guid Start { get; init; }

    public required WorkKind Kind { get; init; }

    /// <summary>The step's name; empty for other kinds.</summary>
    public required string Step { get; init; }

    public required int Attempt { get; init; }

    /// <summary>The workflow's status when it became due.</summary>
    public required WorkflowStatus Status { get; init; }

    public required WorkState State { get; set; }

    /// <summary>Raised by each claim.</summary>
    public long Fence { get; set; }

    /// <summary>Who has it, or had it last.</summary>
    public Guid? Agent { get; set; }

    /// <summary>The only agent that may take it; null: any with the labels.</summary>
    public Guid? Pin { get; set; }

    /// <summary>The claim that took it.</summary>
    public Guid? Claim { get; set; }

    /// <summary>Until when nobody else may have it, by the database's clock.</summary>
    public DateTimeOffset? LeaseUntil { get; set; }

    public required int LabelSet { get; init; }

    /// <summary>True: comes from somebody who may not write to the repository.</summary>
    public required bool Stranger { get; init; }

    public required int Priority { get; init; }

    /// <summary><see cref="RunRow.LastServed"/> of its run, kept here for work that nobody has so that the queue's order needs no look at every run.</summary>
    public long RunServed { get; set; }

    /// <summary>True: takes no slot.</summary>
    public required bool Weightless { get; init; }

    public required DateTimeOffset QueuedAt { get; set; }

    public required DateTimeOffset NotBefore { get; set; }

    public DateTimeOffset? EndedAt { get; set; }

    /// <summary>How often it came back without having been started.</summary>
    public int Returns { get; set; }

    /// <summary>JSON of the reason to stop it; null if there is none.</summary>
    public string? Stop { get; set; }

    /// <summary>JSON of its result as it was reported; null if it was not.</summary>
    public string? Result { get; set; }

    /// <summary>The concurrency group that it needs a place in; null: none.</summary>
    public string? Group { get; init; }

    public int GroupLimit { get; init; }

    /// <summary>When the doorbell was last rung for it.</summary>
    public required DateTimeOffset RangAt { get; set; }
}

/// <summary>Where a piece of work is.</summary>
internal enum WorkState
{
    /// <summary>Nobody has it.</summary>
    Queued,

    /// <summary>An agent has it; it provably has not started.</summary>
    Claimed,

    /// <summary>The intent is stored: it may have started.</summary>
    Started,

    /// <summary>Of a start: the workflow is there, and lives on the agent until it is released. Takes no slot and has no lease.</summary>
    Hosted,

    /// <summary>It is over.</summary>
    Done,
}

/// <summary>A set of labels that work asks for.</summary>
internal sealed class LabelSetRow
{
    public int Id { get; init; }

    /// <summary><c>key=value</c> in order of the keys, one a line.</summary>
    public required string Labels { get; init; }
}

/// <summary>A place in a concurrency group, held by a workflow from its claim to its end.</summary>
internal sealed class GroupHoldRow
{
    public required string Group { get; init; }

    /// <summary>0 up to the limit: that a place is taken once is what keeps the limit.</summary>
    public required int Place { get; init; }

    /// <summary>The work that made the workflow.</summary>
    public required Guid Start { get; init; }
}
