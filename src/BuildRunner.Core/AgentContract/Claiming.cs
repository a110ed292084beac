using BuildRunner.Core.Runs;

namespace BuildRunner.Core.AgentContract;

/// <summary>An agent asks for work. One such call is always open, also while no slot is free: stops come this way too.</summary>
public sealed record ClaimRequest
{
    /// <summary>New for each claim; the same when a claim is sent again because its answer did not arrive. The server then answers with the same work.</summary>
    public required Guid Claim { get; init; }

    /// <summary>The process that asks (<see cref="HelloRequest.Session"/>): claims of an earlier one, which may still wait somewhere, get nothing any more. Null: an agent
    /// that does not say.</summary>
    public Guid? Session { get; init; }

    /// <summary>Rises with each claim that the process sends, also with one that is sent again. A claim before one that was given work has been given up and gets nothing,
    /// however long something between agent and server keeps it waiting. 0: an agent that does not count.</summary>
    public long Number { get; init; }

    /// <summary>How many more steps the agent can run. With 0 it gets only what takes no slot: steps in the background, and releases.</summary>
    public required int FreeSlots { get; init; }

    /// <summary>Work whose <see cref="StopOrder"/> has arrived, so that the answer does not bring it again.</summary>
    public IReadOnlyList<WorkId> Stopping { get; set; } = [];
}

/// <summary>What it gets; nothing if the time was up.</summary>
public sealed record ClaimResponse
{
    /// <summary>Work that is the agent's from now on, until its lease ends.</summary>
    public required IReadOnlyList<WorkItem> Work { get; init; }

    /// <summary>Work of the agent that has to be stopped.</summary>
    public IReadOnlyList<StopOrder> Stops { get; set; } = [];
}

/// <summary>Stop it: TERM, after the grace KILL. Its end is then reported as usual, as <see cref="Outcome.Cancelled"/> if the stop ended it.</summary>
/// <param name="Work">What.</param>
/// <param name="Reason">Why.</param>
public sealed record StopOrder(WorkId Work, StopReason Reason);

/// <summary>An agent is alive, and renews the leases of what it holds.</summary>
public sealed record HeartbeatRequest
{
    /// <summary>The session of its hello.</summary>
    public required Guid Session { get; init; }

    /// <summary>What it holds.</summary>
    public required IReadOnlyList<LeaseRenewal> Work { get; init; }

    /// <summary>Bytes free where it works; null: not known.</summary>
    public long? FreeDisk { get; init; }

    /// <summary>Why it takes no work at the moment, as a clause (<c>disk is full</c>, <c>draining</c>); null if it does.</summary>
    public string? Unready { get; init; }

    /// <summary>What its images cost since the last beat that was answered; null: nothing, or an agent that does not count it.</summary>
    public ImagePulls? Pulls { get; init; }

    /// <summary>How often what was made ahead was wanted since the last beat that was answered; null: nothing to tell, or an agent that does not count it.</summary>
    public AheadUse? Ahead { get; init; }
}

/// <summary>What the images of steps and services cost an agent.</summary>
/// <param name="Bytes">Bytes that registries sent.</param>
/// <param name="Hits">Images that were there already.</param>
public sealed record ImagePulls(long Bytes, int Hits);

/// <summary>Whether the container that an agent makes ahead is what the next workflow begins with.</summary>
/// <param name="Hits">Workflows whose first step got it.</param>
/// <param name="Misses">Workflows for which it was made as before, though the agent was idle or had one ready.</param>
public sealed record AheadUse(int Hits, int Misses);

/// <summary>One lease to renew.</summary>
/// <param name="Work">Which work.</param>
/// <param name="Fence">The fence it was claimed with.</param>
public sealed record LeaseRenewal(WorkId Work, long Fence);

/// <summary>What it gets.</summary>
public sealed record HeartbeatResponse
{
    /// <summary>Not renewed, because it is not the agent's any more: to be killed at once. Its end need not be reported, its log may be.</summary>
    public required IReadOnlyList<WorkId> Refused { get; init; }

    /// <summary>Work that has to be stopped, told until its end is reported.</summary>
    public required IReadOnlyList<StopOrder> Stops { get; init; }

    /// <summary>True: an administrator wants it to finish what it has and take no more.</summary>
    public bool Drain { get; init; }
}

/// <summary>An agent goes for now; it has drained.</summary>
public sealed record GoodbyeRequest
{
    /// <summary>The session of its hello.</summary>
    public required Guid Session { get; init; }
}
