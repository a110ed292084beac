using System.Buffers.Binary;
using System.Runtime.InteropServices;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Removes a directory with all that is in it, following no link and entering no mount, whatever a container put there.</summary>
/// <remarks>
/// Holds two descriptors however deep the tree is: it goes down by name and up by <c>..</c>. Nobody may write to the tree meanwhile.
/// </remarks>
internal static unsafe class TreeRemover
{
    /// <summary>Removes a tree; returns the error number of what could not be removed, 0 if nothing is left.</summary>
    public static int Remove(string path)
    {
        var number = Libc.Open(path, ReadOnly | OnlyDirectory | NoFollow | CloseOnExec, 0);
        var error = Marshal.GetLastPInvokeError();
        if (number < 0)
        {
            return error switch
            {
                ErrNoEntry => 0,
                ErrNotDirectory or ErrLoop => Unlink(path, 0),
                _ => error,
            };
        }

        error = Empty(new Descriptor(number));
        return error != 0 ? error : Unlink(path, AtRemoveDirectory);
    }

    private static int Unlink(string path, int flags)
    {
        var result = Libc.UnlinkAt(AtCurrentDirectory, path, flags);
        var error = Marshal.GetLastPInvokeError();
        return result == 0 || error == ErrNoEntry ? 0 : error;
    }

    private static int Empty(Descriptor current)
    {
        var way = new Stack<byte[]>();
        try
        {
            while (true)
            {
                var (error, directory) = RemoveFiles(current);
                if (error != 0)
                {
                    return error;
                }

                if (directory is not null)
                {
                    way.Push(directory);
                    error = Move(ref current, directory);
                }
                else if (way.TryPop(out var done))
                {
                    error = Move(ref current, "..\0"u8.ToArray());
                    error = error != 0 ? error : UnlinkIn(current, done, AtRemoveDirectory);
                }
                else
                {
                    return 0;
                }

                if (error != 0)
                {
                    return error;
                }
            }
        }
        finally
        {
            current.Dispose();
        }
    }

    private static int Move(ref Descriptor current, byte[] name)
    {
        fixed (byte* start = name)
        {
            var how = new OpenHow { Flags = (ulong)(ReadOnly | OnlyDirectory | NoFollow | CloseOnExec), Resolve = ResolveNoMounts };
            var number = (int)Libc.Call(CallOpenAt2, current.Number, (nint)start, (nint)(&how), sizeof(OpenHow), 0);
            var error = Marshal.GetLastPInvokeError();
            if (number < 0)
            {
                return error;
            }

            current.Dispose();
            current = new Descriptor(number);
            return 0;
        }
    }

    /// <summary>Removes what is not a directory, and empty directories; returns the first directory that is not empty.</summary>
    private static (int Error, byte[]? Directory) RemoveFiles(Descriptor current)
    {
        var buffer = new byte[32 * 1024];
        fixed (byte* start = buffer)
        {
            while (true)
            {
                var length = (int)Libc.Call(CallGetDirectoryEntries, current.Number, (nint)start, buffer.Length, 0, 0);
                var error = Marshal.GetLastPInvokeError();
                if (length <= 0)
                {
                    return (length < 0 ? error : 0, null);
                }

                for (var at = 0; at < length; at += BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + 16)))
                {
                    var name = buffer.AsSpan(at + 19);
                    name = name[..(name.IndexOf((byte)0) + 1)];
                    if (name.SequenceEqual(".\0"u8) || name.SequenceEqual("..\0"u8))
                    {
                        continue;
                    }

                    var isDirectory = buffer[at + 18] == TypeDirectory;
                    error = UnlinkIn(current, name, isDirectory ? AtRemoveDirectory : 0);
                    if (error == ErrNotEmpty || error == ErrIsDirectory)
                    {
                        return (0, name.ToArray());
                    }

                    if (error != 0)
                    {
                        return (error, null);
                    }
                }
            }
        }
    }

    private static int UnlinkIn(Descriptor directory, ReadOnlySpan<byte> name, int flags)
    {
        fixed (byte* start = name)
        {
            var result = Libc.UnlinkAt(directory.Number, start, flags);
            var error = Marshal.GetLastPInvokeError();
            return result == 0 || error == ErrNoEntry ? 0 : error;
        }
    }

    private const byte TypeDirectory = 4;
    private const int ErrNotEmpty = 39, ErrIsDirectory = 21;
    private const ulong ResolveNoMounts = 1;
}

/// <summary>What <c>openat2</c> takes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OpenHow
{
    public ulong Flags, Mode, Resolve;
}
