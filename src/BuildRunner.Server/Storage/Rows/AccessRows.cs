namespace BuildRunner.Server.Storage.Rows;

/// <summary>A token for the API, or something like it: they open the same doors.</summary>
internal sealed class ApiTokenRow
{
    public required Guid Id { get; init; }

    public required ApiTokenKind Kind { get; init; }

    /// <summary>Of a session: the token for the API that began it, and ends it with itself. Null: a link did, or it is no session.</summary>
    public Guid? Parent { get; init; }

    public required string Name { get; init; }

    public required byte[] Hash { get; init; }

    /// <summary>Scopes, separated by spaces.</summary>
    public required string Scopes { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    public DateTimeOffset? LastUsedAt { get; set; }
}

/// <summary>What holds a token.</summary>
internal enum ApiTokenKind
{
    /// <summary>A person's tool or a program: sent as <c>Authorization: Bearer</c>.</summary>
    Api,

    /// <summary>A browser: sent as a cookie.</summary>
    Session,

    /// <summary>A link that signs a browser in, once.</summary>
    Link,
}

/// <summary>A secret, encrypted.</summary>
internal sealed class SecretRow
{
    public required Guid Id { get; init; }

    /// <summary>0 installation, 1 organisation, 2 repository.</summary>
    public required int Level { get; init; }

    /// <summary>Which organisation or repository; empty for the installation.</summary>
    public required string Owner { get; init; }

    /// <summary>As it was written; <see cref="Key"/> is lowered.</summary>
    public required string Name { get; init; }

    public required string Key { get; init; }

    public required byte[] Sealed { get; set; }

    /// <summary>Which master key sealed it.</summary>
    public required string KeyId { get; set; }

    /// <summary>JSON of <see cref="Secrets.SecretRules"/>.</summary>
    public required string Rules { get; set; }

    public required DateTimeOffset UpdatedAt { get; set; }

    public DateTimeOffset? LastUsedAt { get; set; }
}

/// <summary>What was done to BuildRunner, by whom; and what was refused late.</summary>
internal sealed class AuditRow
{
    public long Id { get; init; }

    public required DateTimeOffset At { get; init; }

    public required string Actor { get; init; }

    public required string Action { get; init; }

    public required string Subject { get; init; }

    public required string Detail { get; init; }
}
