using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Storage;

/// <summary>An advisory lock (<c>flock</c>) that excludes other processes and other tasks of this one. It ends with its process, however that ends.</summary>
/// <remarks>The lock's file is removed with the last exclusive lock; whoever waited for it notices and takes the next file of that name.</remarks>
internal sealed class StoreLock : IDisposable
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(100);

    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly bool _shared;

    private StoreLock(string path, SafeFileHandle file, bool shared)
    {
        _path = path;
        _file = file;
        _shared = shared;
    }

    /// <summary>Waits until the lock is had. There is no order among those who wait.</summary>
    public static async Task<StoreLock> AcquireAsync(string path, bool shared, TimeProvider time, CancellationToken cancellationToken)
    {
        var wait = FirstWait;
        while (true)
        {
            if (TryAcquire(path, shared) is { } acquired)
            {
                return acquired;
            }

            await Task.Delay(wait, time, cancellationToken).ConfigureAwait(false);
            wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
        }
    }

    /// <summary>Takes the lock if nobody holds it; null if somebody does.</summary>
    public static StoreLock? TryAcquire(string path, bool shared)
    {
        while (true)
        {
            var file = Open(path);
            if (Libc.Lock((int)file.DangerousGetHandle(), (shared ? Libc.LockShared : Libc.LockExclusive) | Libc.LockNonBlocking) != 0)
            {
                file.Dispose();
                return null;
            }

            // Its last holder may have removed the file between the two calls: then this is a lock that nobody else can see.
            if (IsStillAt(path, file))
            {
                return new StoreLock(path, file, shared);
            }

            file.Dispose();
        }
    }

    public void Dispose()
    {
        if (!_file.IsClosed && !_shared)
        {
            File.Delete(_path);
        }

        _file.Dispose();
    }

    private static unsafe SafeFileHandle Open(string path)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            var descriptor = Libc.OpenAt(Libc.AtCurrentDirectory, name, Libc.ReadWrite | Libc.Create | Libc.CloseOnExec | Libc.NoFollow, 0x180);
            return descriptor >= 0
                ? new SafeFileHandle(descriptor, ownsHandle: true)
                : throw StorageErrors.Host(Marshal.GetLastPInvokeError(), "open the lock", path);
        }
    }

    private static unsafe bool IsStillAt(string path, SafeFileHandle file)
    {
        Libc.FileStatus held;
        Libc.FileStatus present;
        fixed (byte* empty = "\0"u8)
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            return Libc.Status((int)file.DangerousGetHandle(), empty, Libc.AtEmptyPath, Libc.FileStatus.Basic, &held) == 0
                && Libc.Status(Libc.AtCurrentDirectory, name, Libc.AtSymlinkNoFollow, Libc.FileStatus.Basic, &present) == 0
                && held.Inode == present.Inode
                && (held.DeviceMajor, held.DeviceMinor) == (present.DeviceMajor, present.DeviceMinor);
        }
    }
}
