namespace BuildRunner.Server.Storage.Rows;

/// <summary>An agent.</summary>
internal sealed class AgentRow
{
    public required Guid Id { get; init; }

    public required string Name { get; set; }

    /// <summary>SHA-256 of the credential.</summary>
    public required byte[] Credential { get; set; }

    /// <summary>JSON: labels that the server assigned.</summary>
    public required string Labels { get; set; }

    /// <summary>JSON: what it said about its machine.</summary>
    public required string Facts { get; set; }

    /// <summary>True: runs in the server's process, beside its secrets; strangers' work is not given to it.</summary>
    public required bool Embedded { get; init; }

    public int Slots { get; set; }

    public string Version { get; set; } = "";

    public Guid? Session { get; set; }

    /// <summary>The number of its session's claim that was given work last. Claims before it are given up.</summary>
    public long ServedClaim { get; set; }

    public required DateTimeOffset RegisteredAt { get; init; }

    /// <summary>By the database's clock.</summary>
    public DateTimeOffset? LastSeen { get; set; }

    public long? FreeDisk { get; set; }

    /// <summary>Why it takes nothing, in its own words.</summary>
    public string? Unready { get; set; }

    /// <summary>An administrator wants it to finish.</summary>
    public bool Drain { get; set; }
}

/// <summary>A one-time token by which an agent registers.</summary>
internal sealed class RegistrationTokenRow
{
    public required Guid Id { get; init; }

    public required byte[] Hash { get; init; }

    /// <summary>JSON: labels that the agent will have.</summary>
    public required string Labels { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? UsedAt { get; set; }
}
