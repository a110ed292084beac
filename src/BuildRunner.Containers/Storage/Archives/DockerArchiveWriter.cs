using System.Text;
using System.Text.Json;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Writes an image as <c>docker save</c> does: layers plain, because engines before 2021 take no others.</summary>
internal static class DockerArchiveWriter
{
    /// <summary>Writes the archive.</summary>
    /// <param name="image">The image.</param>
    /// <param name="output">Where to.</param>
    /// <param name="sizeOf">How long a layer's archive is; null: it is read once more to find out.</param>
    /// <param name="limits">What is refused.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static void Write(WholeImage image, Stream output, Func<Digest, long?> sizeOf, ImageLimits limits, CancellationToken cancellationToken)
    {
        var tar = new TarOutput(output);
        var config = image.Document.Config.Digest.Hex + ".json";
        tar.WriteFile(config, image.ConfigBytes);
        var names = new List<string>();
        foreach (var layer in image.Layers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var name = $"{layer.DiffId.Hex}/layer.tar";
            if (!names.Contains(name))
            {
                var most = limits.UnpackedBytesFor(layer.Blob.Size);
                WriteLayer(tar, image, layer, name, sizeOf(layer.DiffId) ?? image.ReadArchive(layer, most, _ => cancellationToken.ThrowIfCancellationRequested()), cancellationToken);
            }

            names.Add(name);
        }

        IReadOnlyList<DockerImageJson> manifest = [new DockerImageJson { Config = config, RepoTags = image.Name is null ? null : [image.Name], Layers = names }];
        tar.WriteFile(DockerArchiveImages.ManifestFile, JsonSerializer.SerializeToUtf8Bytes(manifest, DockerArchiveJson.Default.IReadOnlyListDockerImageJson));
        tar.Finish();
    }

    private static void WriteLayer(
        TarOutput tar, WholeImage image, (BlobDescriptor Blob, Digest DiffId) layer, string name, long size, CancellationToken cancellationToken)
    {
        tar.Begin(new TarEntry { Type = TarEntryType.File, Name = Encoding.UTF8.GetBytes(name), Mode = 0x1A4, Size = size });
        var written = image.ReadArchive(layer, size, piece =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            tar.WriteContent(piece);
        });
        if (written != size)
        {
            throw ImageDocument.Corrupt($"the layer {layer.DiffId}", "became shorter while it was read");
        }
    }
}
