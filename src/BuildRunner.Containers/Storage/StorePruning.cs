using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>Removes from a store what is not needed, while others go on using it.</summary>
/// <remarks>
/// 1. Under the store's lock, for a moment: choose, forget the images, move what goes aside. Leases and new pulls wait for that moment.
/// 2. Without any lock: delete what was moved aside. A process that dies here leaves it to the next pruning.
/// </remarks>
internal sealed class StorePruning(StoreParts parts)
{
    private readonly List<string> _images = [];
    private readonly string _trash = Path.Combine(parts.Layout.Temporary, $"trash.{Guid.NewGuid():N}");
    private int _layers;
    private long _bytes;

    /// <summary>Removes what the options say.</summary>
    public async Task<PruneResult> PruneAsync(PruneOptions options, CancellationToken cancellationToken)
    {
        using (await StoreLock.AcquireAsync(parts.Layout.StoreLock, shared: false, parts.Time, cancellationToken).ConfigureAwait(false))
        {
            var inventory = new StoreInventory(parts);
            RemoveUnneeded(inventory);
            RemoveUnused(inventory, options);
            MakeRoom(inventory, options);
        }

        RemoveLeftOvers();
        return new PruneResult(_images, _layers, _bytes);
    }

    /// <summary>Removes one image.</summary>
    public async Task<ImageRemoval> RemoveAsync(string name, CancellationToken cancellationToken)
    {
        using (await StoreLock.AcquireAsync(parts.Layout.StoreLock, shared: false, parts.Time, cancellationToken).ConfigureAwait(false))
        {
            var inventory = new StoreInventory(parts);
            if (inventory.Images.Find(image => image.Name == name) is not { } image)
            {
                return ImageRemoval.NotFound;
            }

            // Under another name the layers stay, and so does whoever uses them.
            if (inventory.IsUsed(image) && !inventory.Images.Any(other => other != image && other.Manifest == image.Manifest))
            {
                return ImageRemoval.InUse;
            }

            Forget(inventory, image);
            RemoveUnneeded(inventory);
        }

        RemoveLeftOvers();
        return ImageRemoval.Removed;
    }

    private void RemoveUnused(StoreInventory inventory, PruneOptions options)
    {
        if (options.UnusedFor is not { } age)
        {
            return;
        }

        foreach (var image in inventory.Images.Where(image => IsOlder(image, age) && !inventory.IsUsed(image)).ToList())
        {
            Forget(inventory, image);
        }

        RemoveUnneeded(inventory);
    }

    private void MakeRoom(StoreInventory inventory, PruneOptions options)
    {
        foreach (var image in inventory.Images.Where(image => IsOlder(image, options.Spared)).ToList())
        {
            if (IsRoomy(inventory, options))
            {
                return;
            }

            // What came from a file cannot be had again: it stays as long as its image.
            foreach (var transfer in inventory.TransfersOf(parts, image).Where(transfer => inventory.CanBeHadAgain(transfer)).ToList())
            {
                Discard(inventory, transfer);
            }
        }

        foreach (var image in inventory.Images.Where(image => IsOlder(image, options.Spared) && !inventory.IsUsed(image)).ToList())
        {
            if (IsRoomy(inventory, options))
            {
                return;
            }

            Forget(inventory, image);
            RemoveUnneeded(inventory);
        }
    }

    // What was moved aside still takes its room on the disk.
    private bool IsRoomy(StoreInventory inventory, PruneOptions options) =>
        (options.MostBytes is not { } most || inventory.Bytes <= most)
        && (options.LeastFreeBytes is not { } least || new DriveInfo(parts.Layout.Root).AvailableFreeSpace + _bytes >= least);

    private bool IsOlder(ImageNotes image, TimeSpan age) => parts.Time.GetUtcNow() - parts.Records.LastUse(image) >= age;

    private void Forget(StoreInventory inventory, ImageNotes image)
    {
        parts.Records.Delete(image.Name);
        inventory.Images.Remove(image);
        _images.Add(image.Name);
    }

    private void RemoveUnneeded(StoreInventory inventory)
    {
        foreach (var digest in inventory.Unneeded().ToList())
        {
            Discard(inventory, digest);
            if (inventory.Layers.Remove(digest, out var bytes))
            {
                Move(parts.Layout.Layer(digest));
                _layers++;
                _bytes += bytes;
            }
        }
    }

    private void Discard(StoreInventory inventory, Digest blob)
    {
        if (inventory.Blobs.Remove(blob, out var bytes))
        {
            Move(parts.Layout.Blob(blob));
            _bytes += bytes;
        }
    }

    private void Move(string path)
    {
        Directory.CreateDirectory(_trash);
        Directory.Move(path, Path.Combine(_trash, Guid.NewGuid().ToString("N")));
    }

    private void RemoveLeftOvers()
    {
        foreach (var path in Directory.EnumerateFileSystemEntries(parts.Layout.Temporary).ToList())
        {
            var name = Path.GetFileName(path);
            if (name.StartsWith("trash.", StringComparison.Ordinal))
            {
                TreeRemoval.Remove(path);
                continue;
            }

            // layer-HEX.… and transfer-HEX.… belong to whoever holds the layer's lock; the rest is written within a moment.
            var hex = name[(name.IndexOf('-') + 1)..].Split('.')[0];
            if (!Digest.TryParse("sha256:" + hex, out var digest) || !IsAbandoned(path, name))
            {
                continue;
            }

            if (StoreLock.TryAcquire(parts.Layout.Lock("layer", digest), shared: false) is { } free)
            {
                using (free)
                {
                    TreeRemoval.Remove(path);
                }
            }
        }
    }

    // A transfer that was cut is worth keeping for a day: the next pull goes on with it.
    private bool IsAbandoned(string path, string name) =>
        name.StartsWith("layer-", StringComparison.Ordinal) || parts.Time.GetUtcNow() - File.GetLastWriteTimeUtc(path) > TimeSpan.FromDays(1);
}
