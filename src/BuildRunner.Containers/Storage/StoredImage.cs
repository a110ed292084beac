using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>An image of the store, for lists.</summary>
/// <param name="Name">The reference as a person writes it.</param>
/// <param name="Manifest">The manifest's digest.</param>
/// <param name="Config">The configuration's digest: what other tools call the image id.</param>
public sealed record StoredImage(string Name, Digest Manifest, Digest Config)
{
    /// <summary>The digest of the index through which it was found; null if there was none.</summary>
    public Digest? Index { get; init; }

    /// <summary>How many layers it has; null if the engine does not tell.</summary>
    public int? Layers { get; init; }

    /// <summary>Bytes of its layers, unpacked. Layers are shared: the sum over images is more than what they take.</summary>
    public long Bytes { get; init; }

    /// <summary>When it was built, as it says itself.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>When it was pulled; null if the engine does not tell.</summary>
    public DateTimeOffset? PulledAt { get; init; }

    /// <summary>When it was used last; null if the engine does not tell.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }
}
