using System.Security.Cryptography;
using System.Text.Json;

namespace BuildRunner.Containers.Engine.Kept;

/// <summary>The kept containers of one engine on this host: a directory for each group, in it a record for each container beside what was kept of it.</summary>
/// <remarks>
/// <c>GROUP/ID.json</c> is the record, <c>GROUP/ID/</c> the layer, <c>GROUP/workspace/</c> what the workflow changed in the tree. Whoever uses a group's files
/// holds <c>GROUP/lock</c> shared; whoever removes them takes it alone. All members may be called from several processes at once.
/// </remarks>
/// <param name="root">The directory; need not exist.</param>
/// <param name="forget">Removes what the engine itself keeps of a container; null: nothing.</param>
public sealed class KeptContainers(string root, Func<KeptContainer, CancellationToken, Task>? forget = null)
{
    private const string RecordEnding = ".json", LockName = "lock", WorkspaceName = "workspace";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>All whose records can be read, the newest first.</summary>
    public IReadOnlyList<KeptContainer> List() => !Directory.Exists(root)
        ? []
        : [.. Directory.EnumerateFiles(root, "*" + RecordEnding, new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 })
            .Select(Read).OfType<KeptContainer>().OrderByDescending(k => k.At)];

    /// <summary>The container of an id, or of the beginning of one that only one has; null if there is none.</summary>
    public KeptContainer? Find(string id) => List().Where(k => k.Id.StartsWith(id, StringComparison.Ordinal)).ToList() is [var one] ? one : null;

    /// <summary>Keeps others from removing the files of a container's group until the result is disposed.</summary>
    /// <exception cref="ContainerException">It is gone, or being removed.</exception>
    public IDisposable Use(KeptContainer kept)
    {
        ArgumentNullException.ThrowIfNull(kept);
        try
        {
            return new FileStream(Path.Combine(root, kept.Group, LockName), FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            throw new ContainerException(ContainerFailure.Lost, $"the kept container {kept.Id} of step '{kept.Step}' was removed: {gone.Message}", innerException: gone);
        }
    }

    /// <summary>Removes kept containers, whole groups of them: a group of which one is wanted stays. Those in use stay.</summary>
    /// <param name="unwanted">Which may go.</param>
    /// <param name="cancellationToken">Ends it early.</param>
    /// <returns>How many containers were removed.</returns>
    public async Task<int> RemoveAsync(Func<KeptContainer, bool> unwanted, CancellationToken cancellationToken)
    {
        var removed = 0;
        foreach (var group in List().GroupBy(k => k.Group).Where(g => g.All(unwanted)))
        {
            using var sole = TryTake(Path.Combine(root, group.Key, LockName));
            if (sole is null)
            {
                continue;
            }

            foreach (var kept in group)
            {
                await (forget?.Invoke(kept, cancellationToken) ?? Task.CompletedTask);
                File.Delete(RecordOf(kept.Group, kept.Id));
                removed++;
            }

            Directory.Delete(Path.Combine(root, group.Key), recursive: true);
        }

        DeleteIfEmpty();
        return removed;
    }

    /// <summary>Removes directories of groups that have no record: their processes died before it was written.</summary>
    /// <param name="lives">Whether a group lives.</param>
    public void RemoveTorn(Func<string, bool> lives)
    {
        foreach (var directory in Directory.Exists(root) ? Directory.GetDirectories(root) : [])
        {
            if (!lives(Path.GetFileName(directory)) && !Directory.EnumerateFiles(directory, "*" + RecordEnding).Any())
            {
                using var sole = TryTake(Path.Combine(directory, LockName));
                if (sole is not null)
                {
                    Directory.Delete(directory, recursive: true);
                }
            }
        }
    }

    /// <summary>A new id, with a directory for its group.</summary>
    internal string Reserve(string group)
    {
        while (!TryMake(group))
        {
        }

        return Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
    }

    /// <summary>Where the layer of a container goes.</summary>
    internal string LayerOf(string group, string id) => Path.Combine(root, group, id);

    /// <summary>Where the changes of a group's workspace go.</summary>
    internal string WorkspaceOf(string group) => Path.Combine(root, group, WorkspaceName);

    /// <summary>Writes a record; from then on the container is kept.</summary>
    internal void Save(KeptContainer kept)
    {
        var path = RecordOf(kept.Group, kept.Id);
        File.WriteAllBytes(path + ".new", JsonSerializer.SerializeToUtf8Bytes(kept, KeptJson.Default.KeptContainer));
        File.Move(path + ".new", path);
    }

    private bool TryMake(string group)
    {
        try
        {
            Directory.CreateDirectory(root, OwnerOnly);
            Directory.CreateDirectory(Path.Combine(root, group), OwnerOnly);
            new FileStream(Path.Combine(root, group, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite).Dispose();
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            // Somebody removed the directory, which was empty.
            return false;
        }
    }

    private void DeleteIfEmpty()
    {
        try
        {
            if (Directory.Exists(root))
            {
                Directory.Delete(root);
            }
        }
        catch (IOException)
        {
            // Something is kept, or being kept just now.
        }
    }

    private string RecordOf(string group, string id) => Path.Combine(root, group, id + RecordEnding);

    private static KeptContainer? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), KeptJson.Default.KeptContainer) is { Version: KeptContainer.CurrentVersion } kept ? kept : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // Being removed just now, or not ours.
            return null;
        }
    }

    private static FileStream? TryTake(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception held) when (held is IOException or UnauthorizedAccessException)
        {
            // Somebody works with it.
            return null;
        }
    }
}
