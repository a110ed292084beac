using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Group;

/// <summary>A file system of a fixed size for all that a group's containers write (docs/decisions/0215).</summary>
/// <remarks>
/// It lies in a file that has its room set aside and no name: when the last mount of it goes, by a removal or because every process that saw it was killed, the kernel lets go of the
/// loop device and frees the room. So nobody has to find it after a crash.
/// </remarks>
internal static unsafe class GroupDisk
{
    private const nuint GetFreeLoop = 0x4C82, ConfigureLoop = 0x4C0A, ShutDownExt4 = 0x8004587D;
    private const int NoSpace = 28, NotSupported = 95, LoopFlagsOffset = 60, LoopConfigurationSize = 304;
    private const uint DetachWithLastUser = 4;

    // What it forgets in a power cut nobody wants again: so no barriers, no order of data and metadata, no tables that are written to be empty.
    private const string Options = "noinit_itable,nobarrier,data=writeback,noauto_da_alloc,errors=remount-ro";

    /// <summary>Mounts a new, empty one over a directory, in the mount namespace of the calling thread.</summary>
    /// <exception cref="KernelException">The room is not there, or the host cannot do it; the message says what to do.</exception>
    public static void Mount(string directory, long bytes)
    {
        var image = directory + "/disk";
        try
        {
            using var file = Descriptor.Open(image, ReadWrite | Create | Exclusive | NoFollow, 0x180);
            SetRoomAside(file, bytes, directory);
            MakeFileSystem(image);
            using var device = AttachLoop(file, out var path);
            KernelException.Check(Libc.UnlinkAt(AtCurrentDirectory, image, 0), "remove the name of", image);
            KernelException.Check(Libc.Mount(path, directory, "ext4", MountNoSuid | MountNoDevices | MountNoTimes, Options), "mount the workflow's disk at", directory);
        }
        catch (KernelException)
        {
            _ = Libc.UnlinkAt(AtCurrentDirectory, image, 0);
            throw;
        }
    }

    /// <summary>Lets it go with all that is in it, written or not.</summary>
    public static void Discard(string directory)
    {
        var number = Libc.Open(directory, ReadOnly | OnlyDirectory | CloseOnExec, 0);
        if (number >= 0)
        {
            using var root = new Descriptor(number);
            var withoutWriting = 2u;
            _ = Libc.Control(root.Number, ShutDownExt4, &withoutWriting);
        }

        Mounts.Detach(directory);
    }

    /// <summary>The size of a file whose file system has room for this much: tables of inodes take a thirty-second, journal and maps a little, and the kernel keeps a fiftieth back.</summary>
    private static long FileSize(long bytes) => ((bytes + (bytes / 30) + (bytes / 400) + Math.Min(bytes / 48, 17L << 20) + (5L << 20)) | 0xFFFFF) + 1;

    private static void SetRoomAside(Descriptor file, long bytes, string directory)
    {
        // Asked first: some file systems take all that there is before they say that it is not enough, and everybody else would have none meanwhile.
        var (size, free) = (FileSize(bytes), FileSystemRoom.Of(directory).FreeBytes);
        var result = free < size ? -1 : Libc.Allocate(file.Number, 0, 0, size);
        var error = free < size ? NoSpace : Marshal.GetLastPInvokeError();
        if (result >= 0)
        {
            return;
        }

        throw error switch
        {
            NoSpace => new KernelException(
                FailureKind.Exhausted, error, $"the disk limit of {Mebibytes(bytes)} MiB is set aside when the workflow begins, and only {Mebibytes(free)} MiB are free in {directory} (Engine:ScratchDir)"),
            NotSupported => new KernelException(
                FailureKind.InvalidSpec, error, $"the file system of {directory} cannot set room aside for a workflow's disk; let Engine:ScratchDir be on ext4, XFS, btrfs or tmpfs, or ask for no disk limit"),
            _ => KernelException.FromErrorNumber($"set {Mebibytes(size)} MiB aside for the workflow's disk in {directory}", error),
        };
    }

    private static void MakeFileSystem(string image)
    {
        var program = Processes.Find("mkfs.ext4")
            ?? throw new KernelException(FailureKind.RuntimeMissing, 0, "a workflow's disk limit needs mkfs.ext4, which is missing; apt-get install e2fsprogs");
        using var nothing = Descriptor.Open("/dev/null", ReadWrite);
        var (read, write) = Descriptor.Pipe();
        using (read)
        {
            int pid;
            using (write)
            {
                pid = Processes.Spawn(
                    program,
                    [program, "-q", "-F", "-m", "0", "-b", "4096", "-i", "8192", "-I", "256", "-J", "size=4", "-O", "^resize_inode", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1", image],
                    nothing.Number, nothing.Number, write.Number);
            }

            if (pid <= 0)
            {
                throw KernelException.FromErrorNumber($"start {program}", -pid);
            }

            var said = Encoding.UTF8.GetString(Files.ReadToEnd(read, 1 << 20)).Trim();
            if (Processes.Wait(pid) is var status and not 0)
            {
                throw new KernelException(FailureKind.Runtime, 0, $"{program} could not make the workflow's disk (status {WaitStatus.ToReport(status).Code}): {said}");
            }
        }
    }

    /// <summary>Makes the file a block device, for as long as that is mounted or the returned descriptor is open.</summary>
    private static Descriptor AttachLoop(Descriptor file, out string path)
    {
        if (!Files.Exists("/dev/loop-control"))
        {
            throw new KernelException(FailureKind.InvalidSpec, 0, "a workflow's disk limit needs loop devices, and /dev/loop-control is not there; load the module loop, or let the container that BuildRunner is in have it");
        }

        using var control = Descriptor.Open("/dev/loop-control", ReadWrite);
        var configuration = stackalloc byte[LoopConfigurationSize];
        new Span<byte>(configuration, LoopConfigurationSize).Clear();
        BinaryPrimitives.WriteInt32LittleEndian(new Span<byte>(configuration, 4), file.Number);
        BinaryPrimitives.WriteUInt32LittleEndian(new Span<byte>(configuration + LoopFlagsOffset, 4), DetachWithLastUser);
        while (true)
        {
            path = $"/dev/loop{KernelException.Check(Libc.Control(control.Number, GetFreeLoop, null), "find a free loop device")}";
            var device = Descriptor.Open(path, ReadWrite);
            var result = Libc.Control(device.Number, ConfigureLoop, configuration);
            var error = Marshal.GetLastPInvokeError();
            if (result >= 0)
            {
                return device;
            }

            device.Dispose();
            if (error != ErrBusy)
            {
                throw KernelException.FromErrorNumber($"make {path} of the workflow's disk", error);
            }

            // Somebody else was quicker.
        }
    }

    private static long Mebibytes(long bytes) => bytes >> 20;
}
