using System.Security.Cryptography;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage.Tar;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Storage;

/// <summary>Makes one layer present: received, hashed, decompressed, hashed, unpacked in one pass, then published.</summary>
/// <remarks>
/// The transfer is kept in a file as it comes: for export and push, and so that a pull which was killed goes on where it was.
/// Receiving and unpacking run side by side; a short queue joins them.
/// </remarks>
internal sealed class LayerFetch(StoreLayout layout, LayerStore layers, ImageLimits limits, IBlobSource source, TimeProvider time)
{
    /// <summary>Called with the number of bytes that came.</summary>
    public Action<int>? Received { get; init; }

    /// <summary>True if what comes needs no credentials.</summary>
    public Func<bool> IsPublic { get; init; } = () => true;

    /// <summary>Makes the layer present. To be called on a thread that may block.</summary>
    public async Task RunAsync(BlobDescriptor blob, Digest diffId, CancellationToken cancellationToken)
    {
        using var held = await StoreLock.AcquireAsync(layout.Lock("layer", diffId), shared: false, time, cancellationToken).ConfigureAwait(false);
        if (await IsPresentAsync(blob, diffId, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        if (blob.Size > limits.MaxLayerBytes)
        {
            throw new ContainerException(ContainerFailure.CorruptImage, $"The layer {blob.Digest} has {blob.Size} bytes; at most {limits.MaxLayerBytes} are allowed.");
        }

        var folder = layers.Begin(diffId);
        try
        {
            var unpacked = Unpack(blob, diffId, folder, cancellationToken);
            Publish(blob, diffId, folder, unpacked);
        }
        finally
        {
            TreeRemoval.Remove(folder);
        }
    }

    // A layer that is here is taken only for a transfer that was seen to unpack to it, and if that was private, only if the source can show all of it:
    // a manifest may name digests of layers that its author could not have, and a registry of his say that it has them.
    private async Task<bool> IsPresentAsync(BlobDescriptor blob, Digest diffId, CancellationToken cancellationToken)
    {
        if (layers.Find(diffId) is not { } notes || notes.Transfers.FirstOrDefault(t => t.Digest == blob.Digest.ToString()) is not { } transfer)
        {
            return false;
        }

        if (!transfer.Public && (source.Origin is not { } origin || !transfer.Origins.Contains(origin)))
        {
            await ProveAsync(blob, cancellationToken).ConfigureAwait(false);
            Remember(diffId, notes, transfer);
        }

        return true;
    }

    private async Task ProveAsync(BlobDescriptor blob, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await source.ReadAsync(
            blob,
            0,
            (piece, _) =>
            {
                hash.AppendData(piece.Span);
                Received?.Invoke(piece.Length);
                return ValueTask.CompletedTask;
            },
            cancellationToken).ConfigureAwait(false);
        if (Digest.FromHash(hash.GetHashAndReset()) != blob.Digest)
        {
            throw new ContainerException(ContainerFailure.CorruptImage, $"{source.Origin ?? "The archive"} names the layer {blob.Digest} and has something else in its place.");
        }
    }

    private UnpackedLayer Unpack(BlobDescriptor blob, Digest diffId, string folder, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var queue = new ChunkQueue();
        var receiving = Task.Run(() => ReceiveAsync(blob, diffId, queue, stop.Token), CancellationToken.None);
        try
        {
            var unpacked = LayerUnpacker.Unpack(queue, blob.Size, Path.Combine(folder, "tree"), limits, cancellationToken);
            receiving.GetAwaiter().GetResult();
            return unpacked.DiffId == diffId
                ? unpacked
                : throw new ContainerException(
                    ContainerFailure.CorruptImage, $"The layer {blob.Digest} unpacks to {unpacked.DiffId} where the image promises {diffId}. The image is damaged: push it again.");
        }
        catch (TarFormatException exception)
        {
            throw new ContainerException(ContainerFailure.CorruptImage, $"The layer {blob.Digest} cannot be unpacked: {exception.Message}.", innerException: exception);
        }
        finally
        {
            stop.Cancel();
            queue.Dispose();
            // Its own failure came out of the queue, or does not matter any more.
            ((IAsyncResult)receiving).AsyncWaitHandle.WaitOne();
        }
    }

    private async Task ReceiveAsync(BlobDescriptor blob, Digest diffId, ChunkQueue queue, CancellationToken cancellationToken)
    {
        Exception? failure = null;
        try
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var path = PartialOf(blob, diffId);
            using (var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read))
            {
                var at = await ReplayAsync(file, blob, hash, queue, cancellationToken).ConfigureAwait(false);
                await source.ReadAsync(
                    blob,
                    at,
                    async (piece, token) =>
                    {
                        hash.AppendData(piece.Span);
                        RandomAccess.Write(file, piece.Span, at);
                        at += piece.Length;
                        Received?.Invoke(piece.Length);
                        await queue.PutAsync(piece, token).ConfigureAwait(false);
                    },
                    cancellationToken).ConfigureAwait(false);
            }

            Finish(path, blob, Digest.FromHash(hash.GetHashAndReset()));
        }
        catch (IOException exception)
        {
            failure = StorageErrors.Host(exception, "keep a layer", layout.Root);
        }
        catch (Exception exception)
        {
            // Whatever it is, the thread that unpacks must hear of it.
            failure = exception;
        }

        queue.Complete(failure);
    }

    // What an earlier pull had received before it was ended.
    private async Task<long> ReplayAsync(SafeFileHandle file, BlobDescriptor blob, IncrementalHash hash, ChunkQueue queue, CancellationToken cancellationToken)
    {
        if (RandomAccess.GetLength(file) > blob.Size)
        {
            RandomAccess.SetLength(file, 0);
        }

        var buffer = new byte[256 * 1024];
        long at = 0;
        while (RandomAccess.Read(file, buffer, at) is var count and > 0)
        {
            hash.AppendData(buffer, 0, count);
            at += count;
            Received?.Invoke(count);
            await queue.PutAsync(buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
        }

        return at;
    }

    private void Finish(string path, BlobDescriptor blob, Digest received)
    {
        if (received != blob.Digest)
        {
            File.Delete(path);
            throw new ContainerException(
                ContainerFailure.CorruptImage,
                $"What came for the layer {blob.Digest} has the digest {received}: it was damaged or replaced on its way. Pull again; if it stays so, push the image again.",
                isTransient: true);
        }

        File.Move(path, layout.Blob(blob.Digest), overwrite: true);
    }

    private string PartialOf(BlobDescriptor blob, Digest diffId) => Path.Combine(layout.Temporary, $"transfer-{diffId.Hex}.{blob.Digest.Hex}");

    private void Publish(BlobDescriptor blob, Digest diffId, string folder, UnpackedLayer unpacked)
    {
        var transfer = new LayerTransfer { Digest = blob.Digest.ToString(), MediaType = blob.MediaType, Size = blob.Size };
        if (layers.Find(diffId) is { } notes)
        {
            // The same layer came by another transfer: now that is known too.
            Remember(diffId, notes, transfer);
            return;
        }

        layers.Publish(diffId, folder, new LayerNotes { Bytes = unpacked.Bytes, Entries = unpacked.Entries, Transfers = [WithOrigin(transfer)] });
    }

    private void Remember(Digest diffId, LayerNotes notes, LayerTransfer transfer) => layers.Write(
        diffId, notes with { Transfers = [.. notes.Transfers.Where(t => t.Digest != transfer.Digest), WithOrigin(transfer)] });

    private LayerTransfer WithOrigin(LayerTransfer transfer) => transfer with
    {
        Public = transfer.Public || IsPublic(),
        Origins = source.Origin is { } origin && !transfer.Origins.Contains(origin) ? [.. transfer.Origins, origin] : transfer.Origins,
    };
}
