namespace BuildRunner.Containers.Registry;

/// <summary>How registries are talked to.</summary>
public sealed record RegistryOptions
{
    /// <summary>Per registry host, base addresses that are asked first, in order: <c>https://mirror.example.com/docker-hub</c>. Default: none.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<Uri>> Mirrors { get; init; } = new Dictionary<string, IReadOnlyList<Uri>>();

    /// <summary>Hosts, with port if they have one, that may speak plain HTTP or show a certificate of an unknown authority. Default: none.</summary>
    /// <remarks>This host itself (<c>localhost</c>, 127.0.0.0/8, ::1) may always speak plain HTTP.</remarks>
    public IReadOnlyCollection<string> Insecure { get; init; } = [];

    /// <summary>The one credential file to use; null: Podman's and Docker's, in that order (<see cref="CredentialFiles"/>).</summary>
    public string? CredentialFile { get; init; }

    /// <summary>False: no credential files of this host are read; only credentials handed over with a pull are used. Default true.</summary>
    public bool UseCredentialFiles { get; init; } = true;

    /// <summary>False: credential helpers named in those files are not started. Default true.</summary>
    public bool UseCredentialHelpers { get; init; } = true;

    /// <summary>Folders with a folder per registry host that holds <c>*.crt</c> (authorities) and <c>*.cert</c> with <c>*.key</c> (our own).</summary>
    public IReadOnlyList<string> CertificateFolders { get; init; } = ["/etc/containers/certs.d", "/etc/docker/certs.d"];

    /// <summary>How long connecting may take. Default 15 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long an answer, and then each next piece of it, may take to come. Default 30 s.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a registry may take to take the next piece of an upload, and to answer after the last: it may hash all of it first. Default 5 minutes.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How many bytes of a blob are sent in one request. Default 32 MiB: proxies in between bound what they take.</summary>
    public int UploadChunk { get; init; } = 32 << 20;

    /// <summary>A transfer slower than this over <see cref="IdleTimeout"/> is broken off and resumed. Default 1,024 bytes a second.</summary>
    public int LeastBytesPerSecond { get; init; } = 1024;

    /// <summary>How often a request is sent at most, and a transfer resumed without having got any further. Default 5.</summary>
    public int Attempts { get; init; } = 5;

    /// <summary>The pause before the second attempt; it doubles with each. Default 200 ms.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause that a registry may ask for (<c>Retry-After</c>); if it asks for more, the pull fails. Default 60 s.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(60);
}
