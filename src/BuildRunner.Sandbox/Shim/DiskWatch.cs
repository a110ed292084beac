using BuildRunner.Sandbox.Kernel;

namespace BuildRunner.Sandbox.Shim;

/// <summary>Looks now and then whether the group's disk is full: the kernel tells whoever writes, and nobody else.</summary>
/// <param name="directory">A directory on it.</param>
/// <param name="bytes">What the group may write; 0: there is no limit, and nothing is looked at.</param>
internal sealed class DiskWatch(string directory, long bytes)
{
    private const int Interval = 250;

    private long _next = bytes > 0 ? 0 : long.MaxValue;

    /// <summary>When to look again.</summary>
    public long Next => _next;

    /// <summary>It was full at one time that somebody looked.</summary>
    public bool WasFull { get; private set; }

    /// <summary>Looks, if it is time to.</summary>
    public void Look(long now)
    {
        if (now >= _next)
        {
            _next = now + Interval;
            LookNow();
        }
    }

    /// <summary>Looks, and says whether it is or was full.</summary>
    public bool LookNow()
    {
        if (bytes > 0 && !WasFull)
        {
            // The last blocks are for no file as a whole: writers ask for several at once.
            var room = FileSystemRoom.Of(directory);
            WasFull = room.FreeBytes < Math.Max(1 << 20, bytes / 1024) || room.FreeFiles == 0;
        }

        return WasFull;
    }
}
