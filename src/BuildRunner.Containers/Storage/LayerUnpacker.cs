using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage;

/// <summary>Turns the bytes of a layer as they are transferred into a directory: decompress, hash, unpack, in one pass.</summary>
internal static class LayerUnpacker
{
    /// <summary>Unpacks a layer into an empty directory.</summary>
    /// <param name="packed">The layer as transferred; read to its end.</param>
    /// <param name="packedBytes">How many bytes that is, for the bound on what it may become.</param>
    /// <param name="directory">An existing, empty directory.</param>
    /// <param name="limits">What is refused.</param>
    /// <param name="cancellationToken">Ends it between two pieces of content.</param>
    /// <returns>The digest of the archive, its size and how many entries it has.</returns>
    /// <exception cref="TarFormatException">The layer is damaged or forbidden.</exception>
    /// <exception cref="ContainerException">This host has no room or no right.</exception>
    public static UnpackedLayer Unpack(Stream packed, long packedBytes, string directory, ImageLimits limits, CancellationToken cancellationToken)
    {
        using var plain = LayerPacking.Unpack(packed);
        using var archive = new HashingStream(plain, limits.UnpackedBytesFor(packedBytes));
        try
        {
            using var tree = new LayerTree(directory);
            var reader = new TarReader(archive);
            var extractor = new LayerExtractor(tree, reader, limits);
            extractor.Run(cancellationToken);
            reader.Drain();
            // What follows the compressed data counts for the digest of the transfer.
            packed.CopyTo(Stream.Null);
            return new UnpackedLayer(archive.TakeDigest(), archive.BytesRead, extractor.Entries);
        }
        catch (Exception exception) when (exception is InvalidDataException or ZstdSharp.ZstdException)
        {
            throw new TarFormatException("its compression is damaged or cut off");
        }
    }
}

/// <summary>What came out of a layer.</summary>
/// <param name="DiffId">The digest of the archive.</param>
/// <param name="Bytes">The archive's size.</param>
/// <param name="Entries">How many entries it has.</param>
internal sealed record UnpackedLayer(Digest DiffId, long Bytes, int Entries);
