using System.Security.Cryptography;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>An image with all its parts, to be written somewhere.</summary>
/// <param name="Manifest">Its manifest.</param>
/// <param name="ConfigBytes">Its configuration, verified.</param>
/// <param name="Content">Its parts by digest; what is returned is disposed by whoever asked.</param>
/// <param name="Name">What it is called; null: nothing.</param>
internal sealed record WholeImage(ReceivedManifest Manifest, byte[] ConfigBytes, Func<Digest, BlobContent> Content, string? Name)
{
    private readonly Lazy<ImageDocument.Manifest> _document = new(() => ImageDocument.Parse(Manifest.Bytes, Manifest.MediaType, "the manifest of the image") as ImageDocument.Manifest
        ?? throw ImageDocument.Corrupt("the manifest of the image", "is an index where an image was promised"));

    /// <summary>The manifest, read.</summary>
    public ImageDocument.Manifest Document => _document.Value;

    /// <summary>The layers with the digests of their archives, lowest first.</summary>
    public IReadOnlyList<(BlobDescriptor Blob, Digest DiffId)> Layers =>
        [.. Document.Layers.Zip(ImageConfigDocument.Parse(ConfigBytes, "the configuration of the image").DiffIds)];

    /// <summary>Reads the archive of a layer, plain, and checks that it is what the image promises.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="most">How many bytes it may have.</param>
    /// <param name="take">Takes each piece.</param>
    /// <returns>How many bytes it has.</returns>
    public long ReadArchive((BlobDescriptor Blob, Digest DiffId) layer, long most, Action<ReadOnlySpan<byte>> take)
    {
        using var content = Content(layer.Blob.Digest);
        using var packed = content.ToStream();
        using var plain = LayerPacking.Unpack(packed);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[256 * 1024];
        long length = 0;
        try
        {
            for (int count; (count = plain.Read(buffer)) > 0; length += count)
            {
                if (length + count > most)
                {
                    throw ImageDocument.Corrupt($"the layer {layer.DiffId}", $"grows beyond {most} bytes when unpacked");
                }

                hash.AppendData(buffer, 0, count);
                take(buffer.AsSpan(0, count));
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or ZstdSharp.ZstdException or TarFormatException)
        {
            throw ImageDocument.Corrupt($"the layer {layer.DiffId}", "has a compression that is damaged or cut off");
        }

        return Digest.FromHash(hash.GetHashAndReset()) == layer.DiffId
            ? length
            : throw new ContainerException(ContainerFailure.CorruptImage, $"The layer {layer.Blob.Digest} does not unpack to {layer.DiffId} as the image promises. The image is damaged.");
    }
}
