namespace BuildRunner.Server.Sources;

/// <summary>How the server reads repositories.</summary>
public sealed record SourceOptions
{
    /// <summary>Folders whose repositories may be used by their path; none: no local path may be used.</summary>
    public IReadOnlyList<string> LocalFolders { get; init; } = [];

    /// <summary>Host keys for ssh that are trusted, and no others; null: the first key that a host shows is kept and is the only one from then on.</summary>
    public string? KnownHosts { get; init; }

    /// <summary>Certificates of authorities for https, in place of the system's; null: the system's.</summary>
    public string? CertificateAuthorities { get; init; }

    /// <summary>Longest time for one call of git.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>What the copy of one repository may take on the server's disk.</summary>
    public long MaxSize { get; init; } = 1L << 30;
}
