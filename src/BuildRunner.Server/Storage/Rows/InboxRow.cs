namespace BuildRunner.Server.Storage.Rows;

/// <summary>A delivery of a webhook, whole, as it came: stored before it is answered (promise G1), and carried out afterwards.</summary>
internal sealed class InboxRow
{
    public required Guid Id { get; init; }

    /// <summary><c>github</c>, or <c>hook/NAME</c> for an endpoint of one's own.</summary>
    public required string Source { get; init; }

    /// <summary>The sender's id of the delivery; the same one a second time is the first one again.</summary>
    public required string Delivery { get; init; }

    /// <summary>The sender's name for the kind of event; empty if it has none.</summary>
    public required string Event { get; init; }

    /// <summary>The body's bytes.</summary>
    public required byte[] Body { get; init; }

    public required DateTimeOffset At { get; init; }

    public required InboxState State { get; set; }

    /// <summary>How often it was tried.</summary>
    public int Tries { get; set; }

    /// <summary>Not before.</summary>
    public required DateTimeOffset DueAt { get; set; }

    /// <summary>What became of it, as a sentence; empty while nothing has.</summary>
    public string Verdict { get; set; } = "";

    /// <summary>The run that it made, or that it was about; null: none.</summary>
    public Guid? Run { get; set; }

    /// <summary>The repository it is about; null: none that is known here.</summary>
    public Guid? Repository { get; set; }
}

/// <summary>Where a delivery is.</summary>
internal enum InboxState
{
    /// <summary>Stored; nothing was done yet, or it is tried again.</summary>
    Due,

    /// <summary>Carried out.</summary>
    Done,

    /// <summary>Given up; an administrator can have it carried out again.</summary>
    Failed,
}

/// <summary>An endpoint for webhooks of one's own.</summary>
internal sealed class HookRow
{
    public required Guid Id { get; init; }

    /// <summary>Unique; part of the address.</summary>
    public required string Name { get; init; }

    public required Guid Repository { get; init; }

    /// <summary>JSON of its settings: scheme, branch, mappings, filters, limits.</summary>
    public required string Settings { get; set; }

    /// <summary>The secret, sealed; null: none yet, and it cannot be enabled.</summary>
    public byte[]? Secret { get; set; }

    /// <summary>The secret before, which still counts during a rotation; sealed.</summary>
    public byte[]? PreviousSecret { get; set; }

    public required bool Enabled { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? LastDeliveryAt { get; set; }
}
