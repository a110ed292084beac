using System.IO.Compression;
using System.Security.Cryptography;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage.Archives;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage;

/// <summary>Makes an image of another one and what a container changed of it: one layer more.</summary>
internal sealed class ImageCommit(StoreParts parts)
{
    /// <summary>Makes the image.</summary>
    public async Task<ResolvedImage> RunAsync(ImageReference image, ContainerChanges changes, ImageReference name, string maker, CancellationToken cancellationToken)
    {
        if (name.Transport != ImageTransport.Docker || name.Digest is not null)
        {
            throw new ContainerException(ContainerFailure.InvalidImage, $"'{name}' cannot be a name: it must be what docker pull takes, without a digest.");
        }

        if (image.Transport == ImageTransport.RootFileSystem)
        {
            throw new ContainerException(
                ContainerFailure.InvalidImage, $"The container began from {image}, a directory of this host, of which no image can be made. Run the step on an image.");
        }

        var (whole, lease) = await new StoredTransfers(parts).OpenAsync(image, null, cancellationToken);
        changes = changes with { Layers = [.. whole.Layers.Select(layer => layer.DiffId).Reverse().Distinct().Reverse().Select(parts.Layout.LayerTree)] };
        using (lease)
        using (var layer = await Task.Run(() => Pack(changes, $"the changes of a container of {image}", cancellationToken), cancellationToken))
        {
            var config = ConfigBytes.Create(ConfigBytes.Read(whole.ConfigBytes, $"the configuration of {image}"), layer.DiffId, maker, parts.Time.GetUtcNow());
            var configDigest = StoreParts.DigestOf(config);
            var manifest = ManifestBytes.Create(
                new BlobDescriptor(ImageDocument.OciConfig, configDigest, config.Length),
                [.. whole.Document.Layers.Select(AsOci), new BlobDescriptor(ImageDocument.OciGzipLayer, layer.Digest, layer.Content.Length)]);
            var source = new FileBlobs(
                digest => digest == layer.Digest ? layer.Content.Borrow() : digest == configDigest ? BlobContent.Of(config) : whole.Content(digest), $"the image {name}");
            return await SaveAsync(source, manifest, image, name, cancellationToken);
        }
    }

    private async Task<ResolvedImage> SaveAsync(IBlobSource source, ReceivedManifest manifest, ImageReference image, ImageReference name, CancellationToken cancellationToken)
    {
        using var held = await StoreLock.AcquireAsync(parts.Layout.ImageLock(name.ToString()), shared: false, parts.Time, cancellationToken);
        // Made of a private image, it is for those who may have that one.
        var origin = StoredNames.Require(parts, image);
        using var loaded = await new ImageLoad(parts, new PullCounter(null)).RunAsync(source, manifest, $"the image {name}", () => origin.Grants is null, cancellationToken);
        var notes = loaded.Notes with { Name = name.ToString(), Grants = origin.Grants, Source = origin.Grants is null ? null : origin.Source ?? origin.Name };
        parts.Records.Save(notes);
        return StoredImages.Resolve(parts, name, notes)
            ?? throw new ContainerException(ContainerFailure.Lost, $"The image {name} was removed from the store while it was made. Make it again.", isTransient: true);
    }

    private PackedLayer Pack(ContainerChanges changes, string subject, CancellationToken cancellationToken)
    {
        var scratch = new ScratchFiles(parts.Layout.Temporary);
        var file = scratch.Create();
        try
        {
            using var plain = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using (var output = scratch.OpenWrite(file))
            using (var gzip = new GZipStream(output, CompressionLevel.Optimal))
            using (var hashing = new HashingWriter(gzip, plain))
            {
                var tar = new TarOutput(hashing);
                new LayerDiff(tar, parts.Options.Limits, changes, subject).Add(changes.Directory, cancellationToken);
                tar.Finish();
            }

            var content = BlobContent.Of(file);
            using var packed = content.ToStream();
            return new PackedLayer(content, Digest.FromHash(SHA256.HashData(packed)), Digest.FromHash(plain.GetHashAndReset()));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // A manifest of Docker's kind and one of OCI's name the same layers by different types.
    private static BlobDescriptor AsOci(BlobDescriptor layer) => layer.MediaType switch
    {
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => layer with { MediaType = ImageDocument.OciGzipLayer },
        "application/vnd.docker.image.rootfs.diff.tar" => layer with { MediaType = ImageDocument.OciLayer },
        _ => layer,
    };

    private sealed record PackedLayer(BlobContent Content, Digest Digest, Digest DiffId) : IDisposable
    {
        public void Dispose() => Content.Dispose();
    }
}
