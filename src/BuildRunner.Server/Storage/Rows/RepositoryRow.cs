namespace BuildRunner.Server.Storage.Rows;

/// <summary>A repository that BuildRunner knows.</summary>
internal sealed class RepositoryRow
{
    public required Guid Id { get; init; }

    /// <summary><c>owner/name</c>, unique without regard to case (stored as it was written, and lowered in <see cref="Key"/>).</summary>
    public required string Name { get; set; }

    public required string Key { get; set; }

    /// <summary>https, ssh or an absolute path.</summary>
    public required string CloneUrl { get; set; }

    public required string DefaultBranch { get; set; }

    /// <summary>User for https; null: none.</summary>
    public string? User { get; set; }

    /// <summary>Password, token or private key, sealed for this row; null: none.</summary>
    public byte[]? Credential { get; set; }

    /// <summary>JSON of <see cref="Repositories.RepositorySettings"/>.</summary>
    public required string Settings { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>The number of its latest run.</summary>
    public int LastNumber { get; set; }

    /// <summary>When work of it was last handed out, as a counter: who waited longest is next.</summary>
    public long LastServed { get; set; }
}
