using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage.Archives;

namespace BuildRunner.Containers.Storage;

/// <summary>Puts one image of the store into a registry: its parts first, a few at once, then the manifest that makes it visible.</summary>
internal sealed class ImagePush(StoreParts parts, ImageReference target, PushOptions options, IProgress<PushProgress>? progress)
{
    private const int AtOnce = 4;
    private const long Step = 1 << 20;

    private readonly Lock _lock = new();
    private int _blobs;
    private int _done;
    private long _bytes;
    private long _total;
    private long _reported;

    /// <summary>Pushes the image.</summary>
    public async Task<Digest> RunAsync(ImageReference image, CancellationToken cancellationToken)
    {
        if (target.Transport != ImageTransport.Docker)
        {
            throw new ContainerException(ContainerFailure.InvalidImage, $"'{target}' is no place in a registry. To write a file, use: buildrunner image export");
        }

        var files = new CredentialFiles(parts.Options.Registry);
        var credentials = options.Credentials ?? await files.FindAsync(target.Registry, target.Repository, cancellationToken);
        var (whole, lease) = await new StoredTransfers(parts).OpenAsync(image, null, cancellationToken);
        using (lease)
        {
            if (target.Digest is { } digest && digest != whole.Manifest.Digest)
            {
                throw new ContainerException(ContainerFailure.InvalidImage, $"The image {image} has the digest {whole.Manifest.Digest}, and cannot become {target}.");
            }

            var address = await parts.Transport.AddressOfAsync(target.Registry, cancellationToken);
            using var repository = new RegistryRepository(parts.Transport, address, target.Repository, credentials, parts.Time, files.Problem);
            await UploadAllAsync(repository, whole, cancellationToken);
            await repository.PutManifestAsync(target.Digest?.ToString() ?? target.Tag!, whole.Manifest, $"the image {target}", cancellationToken);
            RememberOrigins(whole, repository);
            return whole.Manifest.Digest;
        }
    }

    private async Task UploadAllAsync(RegistryRepository repository, WholeImage image, CancellationToken cancellationToken)
    {
        var blobs = image.Document.Layers.Append(image.Document.Config).DistinctBy(blob => blob.Digest).OrderByDescending(blob => blob.Size).ToList();
        (_blobs, _total) = (blobs.Count, blobs.Sum(blob => blob.Size));
        Report();
        var diffIds = image.Layers.DistinctBy(layer => layer.Blob.Digest).ToDictionary(layer => layer.Blob.Digest, layer => layer.DiffId);
        await Parallel.ForEachAsync(blobs, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (blob, stop) =>
        {
            using var content = blob.Digest == image.Document.Config.Digest ? BlobContent.Of(image.ConfigBytes) : image.Content(blob.Digest);
            var mountFrom = diffIds.TryGetValue(blob.Digest, out var diffId) ? MountFrom(diffId, blob.Digest) : null;
            long sent = 0;
            await repository.UploadAsync(blob, content, mountFrom, count => Count(Interlocked.Add(ref sent, count), blob.Size, count), stop);
            Finish(blob.Size - Math.Min(sent, blob.Size));
        });
    }

    // Another repository of the same registry that gave us this layer, or took it from us.
    private string? MountFrom(Digest diffId, Digest blob) => parts.Layers.Find(diffId)?.Transfers.FirstOrDefault(transfer => transfer.Digest == blob.ToString())?.Origins
        .Where(origin => origin.StartsWith(RegistryName + "/", StringComparison.OrdinalIgnoreCase))
        .Select(origin => origin[(RegistryName.Length + 1)..])
        .FirstOrDefault(repository => repository != target.Repository);

    private string RegistryName => target.Registry == ImageReference.DefaultRegistry ? "registry-1.docker.io" : target.Registry;

    private void RememberOrigins(WholeImage image, RegistryRepository repository)
    {
        foreach (var (blob, diffId) in image.Layers.DistinctBy(layer => layer.DiffId))
        {
            if (StoreLock.TryAcquire(parts.Layout.Lock("layer", diffId), shared: false) is not { } held)
            {
                // Somebody is changing these notes; that a mount is possible will be noted by the next push.
                continue;
            }

            using (held)
            {
                if (parts.Layers.Find(diffId) is { } notes && notes.Transfers.FirstOrDefault(transfer => transfer.Digest == blob.Digest.ToString()) is { } known
                    && !known.Origins.Contains(repository.Origin))
                {
                    parts.Layers.Write(diffId, notes with { Transfers = [.. notes.Transfers.Where(other => other != known), known with { Origins = [.. known.Origins, repository.Origin] }] });
                }
            }
        }
    }

    // A piece that is sent twice, after a cut, counts once.
    private void Count(long sent, long size, int count)
    {
        lock (_lock)
        {
            _bytes += sent <= size ? count : 0;
            if (_bytes - _reported >= Step)
            {
                _reported = _bytes;
                Report();
            }
        }
    }

    private void Finish(long rest)
    {
        lock (_lock)
        {
            _done++;
            _bytes = Math.Min(_total, _bytes + rest);
            Report();
        }
    }

    private void Report() => progress?.Report(new PushProgress(_blobs, _done, _bytes, _total));
}
