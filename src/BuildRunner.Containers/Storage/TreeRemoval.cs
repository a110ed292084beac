using System.Runtime.InteropServices;
using System.Text;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Storage;

/// <summary>Removes directory trees whose names need not be text and whose depth is not bounded, never following a link.</summary>
public static unsafe class TreeRemoval
{
    // Deeper directories are moved up, so that neither descriptors nor path lengths run out.
    private const int DeepestHeld = 32;

    /// <summary>Removes a tree of this host; nothing happens if there is none.</summary>
    public static void Remove(string path)
    {
        var bytes = Encoding.UTF8.GetBytes(path + "\0");
        Remove(Libc.AtCurrentDirectory, bytes, path);
    }

    /// <summary>Removes what <paramref name="name"/>, which ends with NUL, is in the directory <paramref name="parent"/>.</summary>
    /// <exception cref="ContainerException">It cannot be removed.</exception>
    internal static void Remove(int parent, ReadOnlySpan<byte> name, string where)
    {
        fixed (byte* call = name)
        {
            var descriptor = Libc.OpenAt(parent, call, Libc.ReadOnly | Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
            if (descriptor < 0)
            {
                RemoveFile(parent, call, where);
                return;
            }

            try
            {
                Empty(descriptor, descriptor, 0, where);
            }
            finally
            {
                _ = Libc.Close(descriptor);
            }

            Check(Libc.UnlinkAt(parent, call, Libc.AtRemoveDirectory), where);
        }
    }

    private static void RemoveFile(int parent, byte* name, string where)
    {
        if (Libc.UnlinkAt(parent, name, 0) != 0 && Marshal.GetLastPInvokeError() != StorageErrors.NoEntry)
        {
            Check(-1, where);
        }
    }

    // Repeats until a pass finds nothing: entries may have been skipped by the pass that removed others, or moved here from below.
    private static void Empty(int directory, int top, int depth, string where)
    {
        var buffer = (byte*)NativeMemory.Alloc(32 * 1024);
        try
        {
            while (true)
            {
                var count = Libc.ReadDirectory(directory, buffer, 32 * 1024);
                Check(count, where);
                if (count == 0)
                {
                    if (!Rewind(directory, buffer, where))
                    {
                        return;
                    }

                    continue;
                }

                RemoveEntries(directory, top, depth, new ReadOnlySpan<byte>(buffer, (int)count), where);
            }
        }
        finally
        {
            NativeMemory.Free(buffer);
        }
    }

    // struct linux_dirent64: inode 8, offset 8, length 2, type 1, name.
    private static void RemoveEntries(int directory, int top, int depth, ReadOnlySpan<byte> entries, string where)
    {
        for (; !entries.IsEmpty; entries = entries[BitConverter.ToUInt16(entries[16..])..])
        {
            var name = entries[19..];
            name = name[..(name.IndexOf((byte)0) + 1)];
            if (name.SequenceEqual(".\0"u8) || name.SequenceEqual("..\0"u8))
            {
                continue;
            }

            RemoveEntry(directory, top, depth, name, where);
        }
    }

    private static void RemoveEntry(int directory, int top, int depth, ReadOnlySpan<byte> name, string where)
    {
        fixed (byte* call = name)
        {
            if (Libc.UnlinkAt(directory, call, 0) == 0)
            {
                return;
            }

            if (Marshal.GetLastPInvokeError() is not (StorageErrors.IsDirectory or StorageErrors.NotPermitted))
            {
                RemoveFile(directory, call, where);
                return;
            }

            if (depth >= DeepestHeld)
            {
                MoveUp(directory, top, call, where);
                return;
            }

            var child = Libc.OpenAt(directory, call, Libc.ReadOnly | Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
            Check(child, where);
            try
            {
                Empty(child, top, depth + 1, where);
            }
            finally
            {
                _ = Libc.Close(child);
            }

            Check(Libc.UnlinkAt(directory, call, Libc.AtRemoveDirectory), where);
        }
    }

    private static void MoveUp(int directory, int top, byte* name, string where)
    {
        fixed (byte* fresh = Encoding.ASCII.GetBytes($".removing-{Guid.NewGuid():N}\0"))
        {
            Check(Libc.RenameAt(directory, name, top, fresh), where);
        }
    }

    private static bool Rewind(int directory, byte* buffer, string where)
    {
        Check((nint)Libc.Seek(directory, 0, 0), where);
        var count = Libc.ReadDirectory(directory, buffer, 32 * 1024);
        Check(count, where);
        Check((nint)Libc.Seek(directory, 0, 0), where);
        // "." and ".." are 24 bytes each.
        return count > 48;
    }

    private static void Check(nint result, string where)
    {
        if (result < 0)
        {
            throw StorageErrors.Host(Marshal.GetLastPInvokeError(), "remove files", where);
        }
    }
}
