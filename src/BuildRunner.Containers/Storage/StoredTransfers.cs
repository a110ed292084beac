using System.Security.Cryptography;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage.Archives;

namespace BuildRunner.Containers.Storage;

/// <summary>The layers of an image as they are transferred, for export and push. Those that were removed to make room are had again from their registry.</summary>
internal sealed class StoredTransfers(StoreParts parts)
{
    /// <summary>The image with all its parts, kept until the lease is disposed.</summary>
    /// <exception cref="ContainerException">A part is missing and cannot be had.</exception>
    public async Task<(WholeImage Image, StoreLease Lease)> OpenAsync(ImageReference image, RegistryCredentials? credentials, CancellationToken cancellationToken)
    {
        var notes = StoredNames.Require(parts, image);
        var manifest = parts.ReadManifest(notes) ?? throw Incomplete(image, notes.Manifest);
        var lease = await parts.Leases.TakeAsync(
            manifest.Layers.Select(layer => layer.Digest).Concat(notes.Layers.Append(notes.Manifest).Append(notes.Config).Select(Parse).OfType<Digest>()), cancellationToken);
        try
        {
            var missing = manifest.Layers.Where(layer => !File.Exists(parts.Layout.Blob(layer.Digest))).DistinctBy(layer => layer.Digest).ToList();
            if (missing.Count > 0)
            {
                await FetchAsync(image, notes, missing, credentials, cancellationToken);
            }

            var digest = Parse(notes.Manifest)!.Value;
            var bytes = parts.ReadBlob(digest) ?? throw Incomplete(image, notes.Manifest);
            var config = parts.ReadBlob(manifest.Config.Digest) ?? throw Incomplete(image, notes.Config);
            return (new WholeImage(new ReceivedManifest(bytes, digest, notes.MediaType), config, part => Open(image, part), NameOf(image)), lease);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    // Written out: other tools read short names as they please.
    private static string? NameOf(ImageReference image) =>
        image is { Transport: ImageTransport.Docker, Tag: { } tag } ? $"{image.Registry}/{image.Repository}:{tag}" : null;

    private BlobContent Open(ImageReference image, Digest digest)
    {
        try
        {
            return BlobContent.Of(File.OpenHandle(parts.Layout.Blob(digest)));
        }
        catch (FileNotFoundException)
        {
            throw Incomplete(image, digest.ToString());
        }
    }

    private async Task FetchAsync(
        ImageReference image, ImageNotes notes, List<BlobDescriptor> missing, RegistryCredentials? credentials, CancellationToken cancellationToken)
    {
        if (!ImageReference.TryParse(notes.Source ?? notes.Name, null, out var source, out _) || source.Transport != ImageTransport.Docker)
        {
            throw Incomplete(image, missing[0].Digest.ToString());
        }

        var found = credentials ?? await new CredentialFiles(parts.Options.Registry).FindAsync(source.Registry, source.Repository, cancellationToken);
        var address = await parts.Transport.AddressOfAsync(source.Registry, cancellationToken);
        using var repository = new RegistryRepository(parts.Transport, address, source.Repository, found, parts.Time);
        foreach (var layer in missing)
        {
            await FetchAsync(repository, layer, cancellationToken);
        }
    }

    private async Task FetchAsync(RegistryRepository repository, BlobDescriptor layer, CancellationToken cancellationToken)
    {
        var fresh = Path.Combine(parts.Layout.Temporary, $"blob-{layer.Digest.Hex}.{Guid.NewGuid():N}");
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            using (var file = File.OpenHandle(fresh, FileMode.CreateNew, FileAccess.Write))
            {
                long at = 0;
                await repository.ReadAsync(
                    layer,
                    0,
                    (piece, _) =>
                    {
                        hash.AppendData(piece.Span);
                        RandomAccess.Write(file, piece.Span, at);
                        at += piece.Length;
                        return ValueTask.CompletedTask;
                    },
                    cancellationToken);
            }

            if (Digest.FromHash(hash.GetHashAndReset()) != layer.Digest)
            {
                throw RegistryErrors.Hostile(repository.Origin, $"the layer {layer.Digest}", "what came has another digest");
            }

            File.Move(fresh, parts.Layout.Blob(layer.Digest), overwrite: true);
        }
        catch (IOException exception)
        {
            throw StorageErrors.Host(exception, "keep a layer", parts.Layout.Root);
        }
        finally
        {
            File.Delete(fresh);
        }
    }

    private static ContainerException Incomplete(ImageReference image, string part) => new(
        ContainerFailure.ImageNotFound, $"The part {part} of the image {image} is not kept any more, and there is no registry to have it from. Remove the image and load it again.");

    private static Digest? Parse(string text) => Digest.TryParse(text, out var digest) ? digest : null;
}
