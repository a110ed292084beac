using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>What processes use of the store right now. A lease is a file that its holder keeps locked, so it ends with the process, however that ends.</summary>
internal sealed class StoreLeases(StoreLayout layout, TimeProvider time)
{
    /// <summary>Takes a lease on blobs and layers. What is there at this moment stays; the caller looks afterwards whether it is.</summary>
    public async Task<StoreLease> TakeAsync(IEnumerable<Digest> digests, CancellationToken cancellationToken)
    {
        // Whoever removes things holds this exclusively, and sees the lease complete or not at all.
        using var held = await StoreLock.AcquireAsync(layout.StoreLock, shared: true, time, cancellationToken).ConfigureAwait(false);
        var path = Path.Combine(layout.Leases, Guid.NewGuid().ToString("N"));
        try
        {
            await File.WriteAllLinesAsync(path, digests.Distinct().Select(digest => digest.ToString()), cancellationToken).ConfigureAwait(false);
            return new StoreLease(path, StoreLock.TryAcquire(path, shared: true) ?? throw new InvalidOperationException("a lease of a fresh name is held by somebody else"));
        }
        catch (IOException exception)
        {
            throw StorageErrors.Host(exception, "note what is used", layout.Root);
        }
    }

    /// <summary>Everything that is leased; removes the leases of processes that are gone. The caller holds the store's lock exclusively.</summary>
    public HashSet<Digest> Read()
    {
        var leased = new HashSet<Digest>();
        foreach (var path in Directory.EnumerateFiles(layout.Leases))
        {
            if (StoreLock.TryAcquire(path, shared: false) is { } stale)
            {
                stale.Dispose();
                continue;
            }

            leased.UnionWith(ReadLines(path).Select(line => Digest.TryParse(line, out var digest) ? digest : default));
        }

        return leased;
    }

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (FileNotFoundException)
        {
            // Given back just now.
            return [];
        }
    }
}

/// <summary>A lease that is held.</summary>
internal sealed class StoreLease(string path, StoreLock held) : IDisposable
{
    public string Path => path;

    public void Dispose()
    {
        File.Delete(path);
        held.Dispose();
    }
}
