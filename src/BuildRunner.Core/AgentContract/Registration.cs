namespace BuildRunner.Core.AgentContract;

/// <summary>What a new agent says.</summary>
public sealed record RegisterRequest
{
    /// <summary>A registration token: valid once, for a limited time, made by an administrator.</summary>
    public required string Token { get; init; }

    /// <summary>The name it wants, 1 to 64 characters; the server adds a number if it is taken.</summary>
    public required string Name { get; init; }

    /// <summary>The secret that it would like to have: <c>bra_</c> and 43 characters of base64url, made of 32 random bytes. Whoever asks again with token and secret, because the answer
    /// got lost, gets the same answer. Null: the server makes one, and a lost answer has used up the token.</summary>
    public string? Credential { get; init; }
}

/// <summary>What it gets.</summary>
public sealed record RegisterResponse
{
    /// <summary>Its id.</summary>
    public required AgentId Agent { get; init; }

    /// <summary>The name it has.</summary>
    public required string Name { get; init; }

    /// <summary>Its secret from now on. The server keeps a hash only; the agent keeps it in a file that only its user can read.</summary>
    public required string Credential { get; init; }
}

/// <summary>What an agent says at each start.</summary>
public sealed record HelloRequest
{
    /// <summary>BuildRunner's version, <c>major.minor.patch</c>. One minor version older than the server's is taken; older is refused.</summary>
    public required string Version { get; init; }

    /// <summary>New at each start of the process. The server tells by it that what the agent held was held by a process that is gone.</summary>
    public required Guid Session { get; init; }

    /// <summary>How many steps it runs at once, at least 1.</summary>
    public required int Slots { get; init; }

    /// <summary>What can be seen of the machine: <c>platform</c> (<c>linux/amd64</c>), <c>hostname</c>, <c>engine</c>. Other labels come from the server.</summary>
    public required IReadOnlyDictionary<string, string> Facts { get; init; }
}

/// <summary>What it gets.</summary>
public sealed record HelloResponse
{
    /// <summary>Its id.</summary>
    public required AgentId Agent { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The server's version.</summary>
    public required string ServerVersion { get; init; }

    /// <summary>The labels by which work is found for it.</summary>
    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>How long things take.</summary>
    public required AgentTimes Times { get; init; }

    /// <summary>How much a step may write.</summary>
    public required LogLimits Logs { get; init; }

    /// <summary>What the server believes it holds, of this and of earlier sessions.</summary>
    public required IReadOnlyList<HeldWork> Held { get; init; }

    /// <summary>Workflows that are pinned to it and have not ended: whose workspaces it has to keep. Everything else of BuildRunner's on the machine may be removed.</summary>
    public required IReadOnlyList<HeldWorkflow> Workflows { get; init; }
}

/// <summary>Work that the server believes an agent holds.</summary>
/// <param name="Work">Which.</param>
/// <param name="Fence">Its fence.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Started">True: the intent to start it is stored.</param>
public sealed record HeldWork(WorkId Work, long Fence, WorkKind Kind, bool Started);

/// <summary>A workflow that is pinned to an agent.</summary>
/// <param name="Start">The work that made it; its id names the workflow in the contract.</param>
/// <param name="Fence">The fence of that work.</param>
public sealed record HeldWorkflow(WorkId Start, long Fence);

/// <summary>The times of promise G5, as the server has them set. An agent measures them on its monotonic clock.</summary>
public sealed record AgentTimes
{
    /// <summary>Between two heartbeats.</summary>
    public TimeSpan HeartbeatEvery { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Since the last heartbeat that was answered: then the agent kills what it runs. Before the server gives the work away.</summary>
    public TimeSpan FenceSelfAfter { get; set; } = TimeSpan.FromSeconds(45);

    /// <summary>Since the last heartbeat that was answered: then the lease has ended.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Since the last heartbeat that was answered: then work that was not started is given to somebody else, and work that was is lost.</summary>
    public TimeSpan GiveAwayAfter { get; set; } = TimeSpan.FromSeconds(75);

    /// <summary>How long a claim waits for work.</summary>
    public TimeSpan ClaimWait { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>Between TERM and KILL when a step is stopped.</summary>
    public TimeSpan StopGrace { get; set; } = TimeSpan.FromSeconds(10);
}

/// <summary>How much a step may write.</summary>
public sealed record LogLimits
{
    /// <summary>Bytes of output per attempt; what is beyond is counted and not kept, which is shown.</summary>
    public long MaxPerStep { get; set; } = 256L * 1024 * 1024;

    /// <summary>Bytes of one line; longer ones are kept in pieces.</summary>
    public int MaxLine { get; set; } = 64 * 1024;

    /// <summary>Bytes of one upload.</summary>
    public int MaxChunk { get; set; } = 256 * 1024;
}
