using BuildRunner.Sandbox.Group;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Reap;

/// <summary>Removes groups whose processes are all gone: those whose lock nobody has.</summary>
internal static class Reaper
{
    /// <summary>The verb <c>reap</c>: prints how many groups were removed.</summary>
    public static int Run(string stateRoot, string scratchRoot, string owner)
    {
        var removed = 0;
        Files.MakeDirectories(HostPaths.Slots, 0x1C9);
        foreach (var lockFile in Directory.Exists(stateRoot + "/groups") ? Directory.GetFiles(stateRoot + "/groups", "*.lock") : [])
        {
            removed += Remove(stateRoot, scratchRoot, owner, Path.GetFileNameWithoutExtension(lockFile)) ? 1 : 0;
        }

        Console.WriteLine(removed);
        return 0;
    }

    private static bool Remove(string stateRoot, string scratchRoot, string owner, string groupId)
    {
        var directory = HostPaths.Group(stateRoot, groupId);
        if (Files.TryRead(directory + "/owner") is { } of && of != owner)
        {
            return false;
        }

        using var guard = FileLock.Take(HostPaths.SlotsGuard);
        using var dead = FileLock.TryTake(HostPaths.GroupLock(stateRoot, groupId));
        if (dead is null)
        {
            return false;
        }

        var gone = Cgroups.OfThisHost().Remove(HostPaths.GroupCgroup(groupId));
        gone &= TreeRemover.Remove(HostPaths.GroupScratch(scratchRoot, groupId)) == 0;
        gone &= TreeRemover.Remove(directory) == 0;
        if (gone)
        {
            File.Delete(HostPaths.GroupLock(stateRoot, groupId));
        }

        return gone;
    }
}
