using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage;

/// <summary>How an image store works.</summary>
public sealed record ImageStoreOptions
{
    /// <summary>How registries are talked to.</summary>
    public RegistryOptions Registry { get; init; } = new();

    /// <summary>What images may at most ask of this host.</summary>
    public ImageLimits Limits { get; init; } = new();

    /// <summary>How many layers are unpacked at once. Default: one per processor.</summary>
    public int ParallelLayers { get; init; } = Environment.ProcessorCount;

    /// <summary>For how long an image that needed credentials is given to the holder of the same credentials without asking the registry again. Default 1 hour.</summary>
    public TimeSpan RecheckAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>What is pruned, off the caller's path, after a pull that loaded something; null: nothing. Default null.</summary>
    public PruneOptions? PruneAfterPull { get; init; }
}
