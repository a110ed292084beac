namespace BuildRunner.Server.Storage.Rows;

/// <summary>What a repository is at its forge. The numbers identify; names do not.</summary>
internal sealed class ForgeRepositoryRow
{
    public required Guid Repository { get; init; }

    /// <summary>The forge's number, unique.</summary>
    public required long ForgeId { get; set; }

    public required long Owner { get; set; }

    /// <summary><c>owner/name</c> at the forge now.</summary>
    public required string FullName { get; set; }

    public required bool Private { get; set; }

    /// <summary>The installation of the app; null: none.</summary>
    public long? Installation { get; set; }

    /// <summary>True: its events are fetched, because no webhook can reach this server.</summary>
    public bool Polled { get; set; }

    /// <summary>JSON of what polling and the search for missed deliveries have seen.</summary>
    public string Seen { get; set; } = "{}";

    public DateTimeOffset? LookedAt { get; set; }
}

/// <summary>A check at the forge: what it shows and whether that is what it shall show.</summary>
internal sealed class CheckRow
{
    public required Guid Run { get; init; }

    /// <summary>The workflow; empty: the whole run.</summary>
    public required string Workflow { get; init; }

    /// <summary>JSON of <see cref="Forge.Checks.ReportedCheck"/>.</summary>
    public required string Reported { get; set; }
}

/// <summary>A run whose checks have something left to say.</summary>
internal sealed class CheckDueRow
{
    public required Guid Run { get; init; }

    /// <summary>The run's version that is to be shown; a higher one replaces it.</summary>
    public required long Version { get; set; }

    public required DateTimeOffset DueAt { get; set; }
}

/// <summary>Credentials for a registry; the agent's pulls use them, steps never see them.</summary>
internal sealed class RegistryRow
{
    public required Guid Id { get; init; }

    /// <summary>0 installation, 1 organisation, 2 repository.</summary>
    public required int Level { get; init; }

    /// <summary>Which organisation or repository; empty for the installation.</summary>
    public required string Owner { get; init; }

    /// <summary>Host, or host and port, in lower case.</summary>
    public required string Host { get; init; }

    public required string User { get; set; }

    public required byte[] Sealed { get; set; }

    public required string KeyId { get; set; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

/// <summary>Something that is to be told to somebody outside, signed.</summary>
internal sealed class OutboxRow
{
    /// <summary>Also the id that the receiver sees, the same in every attempt.</summary>
    public required Guid Id { get; init; }

    /// <summary>The address.</summary>
    public required string Target { get; init; }

    public required Guid Run { get; init; }

    public required string Event { get; init; }

    /// <summary>Empty: what is told is made when it is sent. The column stays, because a server of the version before may run beside this one and fills it.</summary>
    public required byte[] Body { get; init; }

    public required DateTimeOffset At { get; init; }

    public required DateTimeOffset DueAt { get; set; }

    public int Tries { get; set; }

    public required bool Done { get; set; }

    /// <summary>How the last attempt ended, as a sentence.</summary>
    public string Verdict { get; set; } = "";
}
