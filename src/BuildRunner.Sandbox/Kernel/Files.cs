using System.Runtime.InteropServices;
using System.Text;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Files and directories in the mount namespace of the calling thread.</summary>
internal static unsafe class Files
{
    /// <summary>Makes a directory if there is none, with exactly this mode and owner.</summary>
    public static void MakeDirectory(string path, uint mode, uint owner = 0)
    {
        var result = Libc.MakeDirectoryAt(AtCurrentDirectory, path, 0x1C0);
        var error = Marshal.GetLastPInvokeError();
        if (result < 0 && error != ErrExists)
        {
            throw KernelException.FromErrorNumber($"make the directory {path}", error);
        }

        using var directory = Descriptor.Open(path, ReadOnly | OnlyDirectory | NoFollow);
        directory.SetOwnerAndMode(owner, owner, mode, path);
    }

    /// <summary>Makes the directories on the way to a path that are not there.</summary>
    public static void MakeDirectories(string path, uint mode, uint owner = 0)
    {
        for (var end = path.IndexOf('/', 1); ; end = path.IndexOf('/', end + 1))
        {
            var part = end < 0 ? path : path[..end];
            if (!Exists(part))
            {
                MakeDirectory(part, mode, owner);
            }

            if (end < 0)
            {
                return;
            }
        }
    }

    public static bool Exists(string path) => CanOpen(path, 0);

    /// <summary>Like <see cref="Exists"/>, but a link is there even if it leads nowhere.</summary>
    public static bool IsThere(string path) => CanOpen(path, NoFollow);

    private static bool CanOpen(string path, int flags)
    {
        var descriptor = Libc.Open(path, PathOnly | CloseOnExec | flags, 0);
        if (descriptor < 0)
        {
            return false;
        }

        _ = Libc.Close(descriptor);
        return true;
    }

    /// <summary>Makes a new file; its content is never readable by somebody whom the mode excludes.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content, uint mode, uint owner = 0)
    {
        using var file = Descriptor.Open(path, WriteOnly | Create | Exclusive | NoFollow, 0x180);
        file.SetOwnerAndMode(owner, owner, mode, path);
        if (!file.Write(content))
        {
            throw KernelException.FromErrorNumber($"write {path}", ErrPipe);
        }
    }

    /// <summary>Gives a directory another place, with everything in it; on another file system by a copy.</summary>
    /// <param name="from">The directory; what is left of a copied one is removed by whoever removes what it lies in.</param>
    /// <param name="to">Where to; there must be nothing.</param>
    /// <param name="action">What that is for, as a verb, for the message.</param>
    public static void MoveDirectory(string from, string to, string action)
    {
        var result = Libc.Rename(from, to);
        var error = Marshal.GetLastPInvokeError();
        if (result < 0 && error != ErrCrossDevice)
        {
            throw KernelException.FromErrorNumber($"{action} {to}", error);
        }

        if (result < 0 && CopyDirectory(from, to) is var status and not 0)
        {
            _ = TreeRemover.Remove(to);
            throw new KernelException(FailureKindForSize, 0, $"cannot {action} {to}: cp ended with the status {status}; is the disk full?");
        }
    }

    // Owners, times, attributes, links, device nodes: all that the upper directory of an overlay has.
    private static int CopyDirectory(string from, string to)
    {
        var program = Processes.Find("cp") ?? throw new KernelException(Wire.FailureKind.RuntimeMissing, 0, "cp is missing; apt-get install coreutils");
        using var nothing = Descriptor.Open("/dev/null", ReadWrite);
        var pid = Processes.Spawn(program, [program, "--archive", "--no-target-directory", "--", from, to], nothing.Number, nothing.Number, 2);
        return pid > 0 ? WaitStatus.ToReport(Processes.Wait(pid)).Code : throw KernelException.FromErrorNumber($"start {program}", -pid);
    }

    /// <summary>Writes a file that the kernel offers.</summary>
    public static void WriteKernelFile(string path, string content)
    {
        var error = TryWriteKernelFile(path, content);
        if (error != 0)
        {
            throw KernelException.FromErrorNumber($"write {path}", error);
        }
    }

    /// <summary>Like <see cref="WriteKernelFile"/>; returns the error number, 0 if there was none.</summary>
    public static int TryWriteKernelFile(string path, string content)
    {
        var descriptor = Libc.Open(path, WriteOnly | CloseOnExec, 0);
        var error = Marshal.GetLastPInvokeError();
        if (descriptor < 0)
        {
            return error;
        }

        fixed (byte* bytes = Encoding.UTF8.GetBytes(content))
        {
            var written = Libc.Write(descriptor, bytes, (nuint)Encoding.UTF8.GetByteCount(content));
            error = Marshal.GetLastPInvokeError();
            _ = Libc.Close(descriptor);
            return written < 0 ? error : 0;
        }
    }

    /// <summary>The content of a small file; null if it cannot be opened.</summary>
    public static string? TryRead(string path, int maximum = 1 << 20)
    {
        var number = Libc.Open(path, ReadOnly | CloseOnExec, 0);
        if (number < 0)
        {
            return null;
        }

        using var file = new Descriptor(number);
        return Encoding.UTF8.GetString(ReadToEnd(file, maximum));
    }

    /// <summary>Reads to the end of a file.</summary>
    /// <exception cref="KernelException">It is longer than the maximum.</exception>
    public static byte[] ReadToEnd(Descriptor file, int maximum)
    {
        using var content = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (file.Read(buffer) is var count and > 0)
        {
            content.Write(buffer, 0, count);
            if (content.Length > maximum)
            {
                throw new KernelException(FailureKindForSize, 0, $"a file is longer than {maximum} bytes");
            }
        }

        return content.ToArray();
    }

    private const Wire.FailureKind FailureKindForSize = Wire.FailureKind.InvalidSpec;
}
