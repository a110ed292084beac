namespace BuildRunner.Core.ApiContract;

/// <summary>A list that is answered whole.</summary>
/// <param name="Items">What is in it.</param>
public sealed record ApiList<T>(IReadOnlyList<T> Items);

/// <summary>Who calls.</summary>
/// <param name="Name">The token's or person's name.</param>
/// <param name="Scopes">What it may do: <c>read</c>, <c>run</c>, <c>approve</c>, <c>admin</c>.</param>
/// <param name="ServerVersion">The server's version.</param>
public sealed record WhoAmI(string Name, IReadOnlyList<string> Scopes, string ServerVersion);

/// <summary>The code of a one-time link is to become a token.</summary>
/// <param name="Code">What stands behind <c>token=</c>.</param>
public sealed record RedeemLink(string Code);

/// <summary>An agent.</summary>
public sealed record AgentInfo
{
    /// <summary>Unique.</summary>
    public required string Name { get; init; }

    /// <summary><c>online</c>, <c>offline</c>, <c>draining</c>, <c>drained</c>, <c>unready</c>.</summary>
    public required string State { get; init; }

    /// <summary>Why it takes nothing; null: it takes work.</summary>
    public string? Reason { get; init; }

    /// <summary>Runs in the server's process.</summary>
    public required bool Embedded { get; init; }

    /// <summary>Steps at once.</summary>
    public required int Slots { get; init; }

    /// <summary>What it does now, as <c>owner/name#12 workflow/step</c>.</summary>
    public required IReadOnlyList<string> Running { get; init; }

    /// <summary>By which work is found for it.</summary>
    public required IReadOnlyDictionary<string, string> Labels { get; init; }

    /// <summary>BuildRunner's version there.</summary>
    public required string Version { get; init; }

    /// <summary>Bytes free where it works; null: not told.</summary>
    public long? FreeDisk { get; init; }

    /// <summary>Its last sign of life.</summary>
    public DateTimeOffset? LastSeen { get; init; }
}

/// <summary>A token by which one agent registers is wanted.</summary>
public sealed record NewAgentToken
{
    /// <summary>Labels that the agent will have.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; set; } = new Dictionary<string, string>();

    /// <summary>Seconds; 1 h if null, at most 30 days.</summary>
    public long? ValidForSeconds { get; init; }
}

/// <summary>The token; shown once.</summary>
public sealed record AgentToken(string Token, DateTimeOffset ExpiresAt);

/// <summary>What waits and why.</summary>
/// <param name="PausedBy">Who paused it; null: it is not paused.</param>
/// <param name="Items">In the order in which they will be handed out, as far as that is known; at most 500.</param>
/// <param name="Total">How many there are.</param>
public sealed record QueueInfo(string? PausedBy, IReadOnlyList<QueueItem> Items, int Total);

/// <summary>Something that waits for an agent.</summary>
public sealed record QueueItem
{
    /// <summary><c>owner/name</c>.</summary>
    public required string Repo { get; init; }

    /// <summary>The run's number.</summary>
    public required int Number { get; init; }

    /// <summary>The workflow.</summary>
    public required string Workflow { get; init; }

    /// <summary>How people read the workflow: a matrix cell by its values.</summary>
    public required string Label { get; init; }

    /// <summary>The step; null: the workflow itself has to be made.</summary>
    public string? Step { get; init; }

    /// <summary>Since when.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Why it waits, as a clause.</summary>
    public required string Reason { get; init; }
}

/// <summary>Pauses the queue.</summary>
/// <param name="Why">A clause for people; null: none given.</param>
public sealed record PauseQueue(string? Why = null);

/// <summary>A token for the API, as lists show it.</summary>
public sealed record ApiToken(string Id, string Name, IReadOnlyList<string> Scopes, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? LastUsedAt);

/// <summary>A token for the API is wanted.</summary>
public sealed record NewApiToken
{
    /// <summary>For people, 1 to 100 characters.</summary>
    public required string Name { get; init; }

    /// <summary>At least one.</summary>
    public required IReadOnlyList<string> Scopes { get; init; }

    /// <summary>Seconds; null: until it is removed.</summary>
    public long? ValidForSeconds { get; init; }
}

/// <summary>The token itself is shown this once.</summary>
public sealed record CreatedApiToken(ApiToken Info, string Token);

/// <summary>What somebody did.</summary>
public sealed record AuditEntry(long Id, DateTimeOffset At, string Actor, string Action, string Subject, string Detail);
