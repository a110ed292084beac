using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage;

/// <summary>Makes one image present, from wherever its blobs can be read: configuration, then layers side by side, largest first.</summary>
internal sealed class ImageLoad(StoreParts parts, PullCounter counter)
{
    /// <summary>Loads an image.</summary>
    /// <param name="source">Where its blobs are.</param>
    /// <param name="manifest">Its manifest as received, verified.</param>
    /// <param name="subject">What it is, for messages: "the image alpine:3".</param>
    /// <param name="isPublic">Tells, when a layer has come, whether it came without credentials.</param>
    /// <param name="cancellationToken">Ends it; what has come is kept for the next time.</param>
    /// <returns>The notes of the image but for its name and grants, and the lease that keeps its parts.</returns>
    public async Task<LoadedImage> RunAsync(IBlobSource source, ReceivedManifest manifest, string subject, Func<bool> isPublic, CancellationToken cancellationToken)
    {
        var document = ImageDocument.Parse(manifest.Bytes, manifest.MediaType, $"the manifest of {subject}") as ImageDocument.Manifest
            ?? throw ImageDocument.Corrupt($"the manifest of {subject}", "is an index where an image was promised");
        var configBytes = await ReadConfigAsync(source, document.Config, subject, cancellationToken).ConfigureAwait(false);
        var config = ImageConfigDocument.Parse(configBytes, $"the configuration of {subject}");
        Check(document, config, subject);

        var layers = document.Layers.Zip(config.DiffIds).DistinctBy(layer => layer.Second).ToList();
        counter.Start(layers.Count, layers.Sum(layer => layer.First.Size));
        var fetch = new LayerFetch(parts.Layout, parts.Layers, parts.Options.Limits, source, parts.Time) { Received = counter.Received, IsPublic = isPublic };
        // Until the notes of the image are written, nothing else keeps its parts.
        var needed = layers.SelectMany(layer => (Digest[])[layer.First.Digest, layer.Second]).Concat([document.Config.Digest, manifest.Digest]);
        var lease = await parts.Leases.TakeAsync(needed, cancellationToken).ConfigureAwait(false);
        try
        {
            await FetchAsync(fetch, layers, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            lease.Dispose();
            throw;
        }

        parts.SaveBlob(document.Config.Digest, configBytes);
        parts.SaveBlob(manifest.Digest, manifest.Bytes);
        var notes = new ImageNotes
        {
            Name = "",
            Manifest = manifest.Digest.ToString(),
            MediaType = manifest.MediaType ?? ImageDocument.OciManifest,
            Config = document.Config.Digest.ToString(),
            Layers = [.. config.DiffIds.Select(diffId => diffId.ToString())],
            Bytes = config.DiffIds.Sum(diffId => parts.Layers.Find(diffId)?.Bytes ?? 0),
            Created = config.Created,
            PulledAt = parts.Time.GetUtcNow(),
        };
        return new LoadedImage(notes, lease);
    }

    private async Task FetchAsync(LayerFetch fetch, List<(BlobDescriptor Blob, Digest DiffId)> layers, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var queue = new Queue<(BlobDescriptor Blob, Digest DiffId)>(layers.OrderByDescending(layer => layer.Blob.Size));
        var workers = Enumerable.Range(0, Math.Min(Math.Max(1, parts.Options.ParallelLayers), layers.Count)).Select(_ => Task.Factory.StartNew(
            () => Work(fetch, queue, stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)).ToList();
        try
        {
            await Task.WhenAll(workers).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // One failed and stopped the others: its error is the one to tell.
            throw workers.Select(worker => worker.Exception?.InnerException).OfType<ContainerException>().FirstOrDefault()
                ?? workers.Select(worker => worker.Exception?.InnerException).FirstOrDefault(exception => exception is not (null or OperationCanceledException))
                ?? new OperationCanceledException(cancellationToken);
        }
    }

    private void Work(LayerFetch fetch, Queue<(BlobDescriptor Blob, Digest DiffId)> queue, CancellationTokenSource stop)
    {
        try
        {
            while (true)
            {
                (BlobDescriptor Blob, Digest DiffId) layer;
                lock (queue)
                {
                    if (!queue.TryDequeue(out layer))
                    {
                        return;
                    }
                }

                fetch.RunAsync(layer.Blob, layer.DiffId, stop.Token).GetAwaiter().GetResult();
                counter.LayerDone();
            }
        }
        catch
        {
            // The others work in vain from here on.
            stop.Cancel();
            throw;
        }
    }

    private async Task<byte[]> ReadConfigAsync(IBlobSource source, BlobDescriptor blob, string subject, CancellationToken cancellationToken)
    {
        if (blob.Size > parts.Options.Limits.MaxConfigBytes)
        {
            throw ImageDocument.Corrupt($"the configuration of {subject}", $"has {blob.Size} bytes; at most {parts.Options.Limits.MaxConfigBytes} are allowed");
        }

        using var bytes = new MemoryStream();
        await source.ReadAsync(
            blob,
            0,
            (piece, _) =>
            {
                bytes.Write(piece.Span);
                return ValueTask.CompletedTask;
            },
            cancellationToken).ConfigureAwait(false);
        var config = bytes.ToArray();
        return StoreParts.DigestOf(config) == blob.Digest
            ? config
            : throw ImageDocument.Corrupt($"the configuration of {subject}", $"does not have the digest {blob.Digest} that the manifest promises");
    }

    private void Check(ImageDocument.Manifest document, ImageConfigDocument config, string subject)
    {
        if (document.Layers.Count != config.DiffIds.Count)
        {
            throw ImageDocument.Corrupt(
                $"the manifest of {subject}", $"has {document.Layers.Count} layers where its configuration has {config.DiffIds.Count}: it is no container image, or a damaged one");
        }

        if (document.Layers.Count > parts.Options.Limits.MaxLayers)
        {
            throw ImageDocument.Corrupt($"the manifest of {subject}", $"has {document.Layers.Count} layers; at most {parts.Options.Limits.MaxLayers} are allowed");
        }

        if (config.Platform.Architecture.Length > 0 && ImagePlatform.Host.RankOf(config.Platform with { Variant = null }) is null)
        {
            throw new ContainerException(ContainerFailure.ImageNotFound, $"There is {subject}, but for {config.Platform}; this host is {ImagePlatform.Host}.");
        }
    }
}

/// <summary>An image whose parts are all here and which has no name yet. To be disposed once its notes are written.</summary>
internal sealed record LoadedImage(ImageNotes Notes, StoreLease Lease) : IDisposable
{
    public void Dispose() => Lease.Dispose();
}
