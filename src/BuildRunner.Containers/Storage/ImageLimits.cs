namespace BuildRunner.Containers.Storage;

/// <summary>What an image may at most ask of this host. An image beyond a limit is refused with an error that names the limit.</summary>
public sealed record ImageLimits
{
    /// <summary>Layers of an image. Default 127, what other engines allow.</summary>
    public int MaxLayers { get; init; } = 127;

    /// <summary>Bytes of a manifest or index. Default 4 MiB, what the distribution specification asks registries to accept.</summary>
    public int MaxManifestBytes { get; init; } = 4 << 20;

    /// <summary>Bytes of an image configuration. Default 8 MiB.</summary>
    public int MaxConfigBytes { get; init; } = 8 << 20;

    /// <summary>Bytes of one layer as it is transferred. Default 32 GiB.</summary>
    public long MaxLayerBytes { get; init; } = 32L << 30;

    /// <summary>Bytes of one layer's archive, unpacked. Default 64 GiB.</summary>
    public long MaxUnpackedLayerBytes { get; init; } = 64L << 30;

    /// <summary>How many times larger than its transfer a layer may become, beyond the first GiB. Default 200; real layers reach 20.</summary>
    public int MaxExpansion { get; init; } = 200;

    /// <summary>Entries of one layer. Default 2,000,000.</summary>
    public int MaxEntries { get; init; } = 2_000_000;

    /// <summary>Bytes of all names of the directories of one layer. Default 256 MiB.</summary>
    public long MaxNameBytes { get; init; } = 256L << 20;

    /// <summary>The bound on the unpacked size of a layer of this transfer size.</summary>
    internal long UnpackedBytesFor(long transferred) =>
        Math.Min(MaxUnpackedLayerBytes, (1L << 30) + (Math.Min(transferred, MaxUnpackedLayerBytes) * MaxExpansion));
}
