using System.Security.Cryptography;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>An archive of a file system as one image of one layer, which says nothing about how to run it.</summary>
internal sealed class RootFileSystemImages : LocalImages
{
    private readonly BlobContent _layer;
    private readonly byte[] _config;
    private readonly ReceivedManifest _manifest;

    private RootFileSystemImages(BlobContent layer, byte[] config, ReceivedManifest manifest) => (_layer, _config, _manifest) = (layer, config, manifest);

    /// <inheritdoc/>
    public override IReadOnlyList<LocalImage> Images { get; } = [new LocalImage("file system", [])];

    /// <summary>Makes an image.</summary>
    /// <param name="transfer">The packed archive, which is taken over.</param>
    /// <param name="archive">The archive.</param>
    /// <param name="subject">What it is, for messages.</param>
    public static RootFileSystemImages Create(SafeFileHandle transfer, SafeFileHandle archive, string subject)
    {
        var layer = BlobContent.Of(transfer);
        var start = new byte[4];
        _ = layer.Read(start, 0);
        var digest = DigestOf(layer);
        using var plain = BlobContent.Within(archive, 0, RandomAccess.GetLength(archive));
        var config = ConfigBytes.Create(ConfigBytes.OfHost(), DigestOf(plain), "buildrunner image import", null);
        var manifest = ManifestBytes.Create(
            new BlobDescriptor(ImageDocument.OciConfig, StoreParts.DigestOf(config), config.Length),
            [new BlobDescriptor(LayerPacking.MediaTypeOf(LayerPacking.Of(start)), digest, layer.Length)]);
        return new RootFileSystemImages(layer, config, manifest) { Subject = subject };
    }

    /// <inheritdoc/>
    public override ReceivedManifest ManifestOf(LocalImage image) => _manifest;

    public override void Dispose() => _layer.Dispose();

    /// <inheritdoc/>
    protected override BlobContent? Find(Digest digest) => digest == StoreParts.DigestOf(_config) ? BlobContent.Of(_config) : _layer.Borrow();

    private static Digest DigestOf(BlobContent content)
    {
        using var stream = content.ToStream();
        return Digest.FromHash(SHA256.HashData(stream));
    }
}
