using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Writes an image as an OCI layout: its parts as they are, so that its digests stay the same everywhere.</summary>
internal static class LayoutWriter
{
    private static ReadOnlySpan<byte> Mark => """{"imageLayoutVersion":"1.0.0"}"""u8;

    /// <summary>Writes an archive.</summary>
    public static void WriteArchive(WholeImage image, Stream output, CancellationToken cancellationToken)
    {
        var tar = new TarOutput(output);
        tar.WriteFile(LayoutImages.MarkFile, Mark);
        foreach (var (digest, content) in Parts(image))
        {
            using (content)
            {
                tar.Begin(new TarEntry { Type = TarEntryType.File, Name = Encoding.UTF8.GetBytes(LayoutImages.PathOf(digest)), Mode = 0x1A4, Size = content.Length });
                Copy(content, digest, piece => tar.WriteContent(piece), cancellationToken);
            }
        }

        tar.WriteFile(LayoutImages.IndexFile, ManifestBytes.CreateIndex([Describe(image)]));
        tar.Finish();
    }

    /// <summary>Adds the image to a layout in a folder, which is made if it is not there. Its name goes over to it.</summary>
    /// <exception cref="ContainerException">The folder holds something else.</exception>
    public static void WriteFolder(WholeImage image, string folder, ImageLimits limits, CancellationToken cancellationToken)
    {
        var index = Path.Combine(folder, LayoutImages.IndexFile);
        var others = ReadOthers(image, folder, limits);
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "blobs", "sha256"));
            foreach (var (digest, content) in Parts(image))
            {
                using (content)
                {
                    WriteBlob(Path.Combine(folder, LayoutImages.PathOf(digest)), content, digest, cancellationToken);
                }
            }

            Replace(Path.Combine(folder, LayoutImages.MarkFile), Mark);
            Replace(index, ManifestBytes.CreateIndex(others.Append(Describe(image))));
        }
        catch (IOException exception)
        {
            throw StorageErrors.Host(exception, "write the image", folder);
        }
    }

    // The images that the folder holds already, but for those that had this one's name.
    private static List<BlobDescriptorJson> ReadOthers(WholeImage image, string folder, ImageLimits limits)
    {
        if (!Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any())
        {
            return [];
        }

        using var files = new DirectoryFiles(folder, $"the layout {folder}");
        using var content = files.Find(LayoutImages.IndexFile)
            ?? throw new ContainerException(ContainerFailure.InvalidImage, $"The folder {folder} is not empty and no OCI layout. Name a new folder.");
        var source = $"the {LayoutImages.IndexFile} in {folder}";
        var index = ImageDocument.Parse(content.ReadAll(limits.MaxManifestBytes, source), null, source) as ImageDocument.Index ?? throw ImageDocument.Corrupt(source, "is no index");
        return [.. index.Manifests.Where(other => !IsReplaced(other, image)).Select(BlobDescriptorJson.From)];
    }

    private static bool IsReplaced(BlobDescriptor other, WholeImage image) =>
        image.Name is { } name ? other.Annotations.GetValueOrDefault(LayoutImages.NameAnnotation) == name : other.Digest == image.Manifest.Digest;

    private static IEnumerable<(Digest Digest, BlobContent Content)> Parts(WholeImage image)
    {
        foreach (var layer in image.Document.Layers.DistinctBy(layer => layer.Digest))
        {
            yield return (layer.Digest, image.Content(layer.Digest));
        }

        yield return (image.Document.Config.Digest, BlobContent.Of(image.ConfigBytes));
        yield return (image.Manifest.Digest, BlobContent.Of(image.Manifest.Bytes));
    }

    // Podman takes the one annotation for the name, containerd the other.
    private static BlobDescriptorJson Describe(WholeImage image)
    {
        var platform = ImageConfigDocument.Parse(image.ConfigBytes, "the configuration of the image").Platform;
        return BlobDescriptorJson.From(new BlobDescriptor(image.Manifest.MediaType ?? ImageDocument.OciManifest, image.Manifest.Digest, image.Manifest.Bytes.Length)
        {
            Platform = platform.Architecture.Length > 0 ? platform : null,
            Annotations = image.Name is { } name
                ? new Dictionary<string, string> { [LayoutImages.FullNameAnnotation] = name, [LayoutImages.NameAnnotation] = name }
                : new Dictionary<string, string>(),
        });
    }

    private static void WriteBlob(string path, BlobContent content, Digest digest, CancellationToken cancellationToken)
    {
        if (new FileInfo(path) is { Exists: true, LinkTarget: null } present && present.Length == content.Length)
        {
            return;
        }

        var fresh = $"{path}.{Guid.NewGuid():N}";
        try
        {
            using (var file = File.Create(fresh))
            {
                Copy(content, digest, piece => file.Write(piece), cancellationToken);
            }

            File.Move(fresh, path, overwrite: true);
        }
        finally
        {
            File.Delete(fresh);
        }
    }

    private static void Copy(BlobContent content, Digest digest, Writer write, CancellationToken cancellationToken)
    {
        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        var buffer = new byte[256 * 1024];
        long at = 0;
        for (int count; (count = content.Read(buffer, at)) > 0; at += count)
        {
            cancellationToken.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, count);
            write(buffer.AsSpan(0, count));
        }

        if (at != content.Length || Digest.FromHash(hash.GetHashAndReset()) != digest)
        {
            throw new ContainerException(ContainerFailure.CorruptImage, $"The stored part {digest} is damaged. Pull or import the image again.");
        }
    }

    private static void Replace(string path, ReadOnlySpan<byte> bytes)
    {
        var fresh = $"{path}.{Guid.NewGuid():N}";
        File.WriteAllBytes(fresh, bytes);
        File.Move(fresh, path, overwrite: true);
    }

    private delegate void Writer(ReadOnlySpan<byte> piece);
}
