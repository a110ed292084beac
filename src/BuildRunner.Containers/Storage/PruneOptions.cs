namespace BuildRunner.Containers.Storage;

/// <summary>What to remove from a store. Whatever is chosen: an image that is used by a process stays.</summary>
/// <remarks>Without any option only what no image needs goes: layers without an image, and what killed processes left behind.</remarks>
public sealed record PruneOptions
{
    /// <summary>Images that were not used for this long go; zero: all. Null: age is no reason.</summary>
    public TimeSpan? UnusedFor { get; init; }

    /// <summary>While the store takes more bytes than this, the transfers kept for export and push go first, then images, the longest unused first.</summary>
    public long? MostBytes { get; init; }

    /// <summary>The same while fewer bytes than this are free on the store's disk.</summary>
    public long? LeastFreeBytes { get; init; }

    /// <summary>An image used within this time does not go for want of space: somebody may be about to start it. Default 10 minutes.</summary>
    public TimeSpan Spared { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>What went.</summary>
/// <param name="Images">The names of the images.</param>
/// <param name="Layers">How many unpacked layers.</param>
/// <param name="Bytes">About how many bytes were freed.</param>
public sealed record PruneResult(IReadOnlyList<string> Images, int Layers, long Bytes);

/// <summary>What became of a wish to remove an image.</summary>
public enum ImageRemoval
{
    /// <summary>It is gone, and the layers that no other image needs.</summary>
    Removed,

    /// <summary>The store does not know it.</summary>
    NotFound,

    /// <summary>A process uses it; it stays.</summary>
    InUse,
}
