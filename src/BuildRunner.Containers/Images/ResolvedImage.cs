namespace BuildRunner.Containers.Images;

/// <summary>An image that is present on this host.</summary>
/// <param name="Reference">What was asked for.</param>
/// <param name="ManifestDigest">The digest of the manifest of this host's platform; null for a <c>rootfs:</c> image, which has none.</param>
/// <param name="Config">What the image says about running it.</param>
public sealed record ResolvedImage(ImageReference Reference, Digest? ManifestDigest, ImageConfig Config)
{
    /// <summary>The directories of the layers, lowest first, or the one directory of a <c>rootfs:</c> image. Empty for engines with a store of their own.</summary>
    public IReadOnlyList<string> LayerDirectories { get; init; } = [];

    /// <summary>The id in the store of the engine that pulled it; null for engines whose store is BuildRunner's.</summary>
    public string? StoreId { get; init; }

    /// <summary>How to name it to a person: the reference with the digest where there is one.</summary>
    public string DisplayName => ManifestDigest is { } digest ? $"{Reference.WithoutDigest()}@{digest}" : Reference.ToString();
}

/// <summary>The part of an image's configuration that matters for running it (OCI image specification, "config").</summary>
public sealed record ImageConfig
{
    /// <summary>Entry point; empty if the image has none.</summary>
    public IReadOnlyList<string> Entrypoint { get; init; } = [];

    /// <summary>Default command or arguments; empty if the image has none.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Environment, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary><c>user[:group]</c>; null means root.</summary>
    public string? User { get; init; }

    /// <summary>Working directory; null means <c>/</c>.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>The signal that asks it to stop, by name or number; null means <c>SIGTERM</c>.</summary>
    public string? StopSignal { get; init; }

    /// <summary>The image's own health check.</summary>
    public Engine.HealthCheck? HealthCheck { get; init; }

    /// <summary>Paths that the image declares as volumes; each run gets them empty-backed like everything else.</summary>
    public IReadOnlyList<string> Volumes { get; init; } = [];

    /// <summary>Ports that the image says it serves: <c>5432/tcp</c>.</summary>
    public IReadOnlyList<string> ExposedPorts { get; init; } = [];

    /// <summary>Labels.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary><c>linux</c>.</summary>
    public string OperatingSystem { get; init; } = "linux";

    /// <summary><c>amd64</c>, <c>arm64</c> …; as Go names it.</summary>
    public string Architecture { get; init; } = "amd64";
}

/// <summary>How to pull.</summary>
public sealed record PullOptions
{
    /// <summary>When to ask the registry.</summary>
    public PullPolicy Policy { get; init; } = PullPolicy.Missing;

    /// <summary>For the image's registry, in place of what this host's credential files say; null: those.</summary>
    public Registry.RegistryCredentials? Credentials { get; init; }

    /// <summary>False: what this host's credential files hold is not for this pull, whatever <see cref="Credentials"/> says. Default true.</summary>
    public bool UseCredentialFiles { get; init; } = true;
}

/// <summary>When to ask the registry.</summary>
public enum PullPolicy
{
    /// <summary>Only if the image is not here.</summary>
    Missing,

    /// <summary>Every time; layers that are here are not loaded again.</summary>
    Always,

    /// <summary>Never: an image that is not here is an error.</summary>
    Never,
}

/// <summary>How far a pull is.</summary>
/// <param name="Phase">What it does.</param>
/// <param name="Layers">How many layers the image has; 0 while unknown.</param>
/// <param name="LayersDone">How many of them are here.</param>
/// <param name="Bytes">Bytes loaded so far.</param>
/// <param name="TotalBytes">Bytes to load; 0 while unknown.</param>
public readonly record struct PullProgress(PullPhase Phase, int Layers, int LayersDone, long Bytes, long TotalBytes);

/// <summary>What a pull does.</summary>
public enum PullPhase
{
    /// <summary>Asks the registry what the reference means.</summary>
    Resolving,

    /// <summary>Loads and unpacks layers.</summary>
    Loading,

    /// <summary>Done: the image is here.</summary>
    Done,
}
