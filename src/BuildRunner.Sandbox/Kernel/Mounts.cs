using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Rootless;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Mounts in the mount namespace of the calling thread.</summary>
internal static unsafe class Mounts
{
    /// <summary>Gives the calling thread a copy of its mount namespace; what it mounts there nobody else sees, and it vanishes with the last process in it.</summary>
    public static void Separate()
    {
        KernelException.Check(Libc.Unshare(ShareFileSystem), "get a file system context of its own");
        KernelException.Check(Libc.Unshare(NewMounts), "get a mount namespace of its own");
        KernelException.Check(Libc.Mount(null, "/", null, MountSlave | MountRecursive, null), "keep mounts from spreading");
    }

    /// <summary>Mounts a directory or file of the host at another path, without what is mounted below it.</summary>
    /// <param name="source">What to mount.</param>
    /// <param name="target">Where; it must exist and be of the same kind.</param>
    /// <param name="attributes">More attributes, of <see cref="Attribute"/>.</param>
    /// <param name="owners">The user namespace that says whose ids the owners on disk are; null: those of the host.</param>
    public static void Attach(string source, string target, Attribute attributes, Descriptor? owners)
    {
        using var tree = new Descriptor(KernelException.Check(
            (int)WithPath(source, path => Libc.Call(CallOpenTree, AtCurrentDirectory, path, OpenTreeClone | CloseOnExec, 0, 0)), "open", source));
        SetAttributes(tree, attributes, owners, source);
        var empty = stackalloc byte[1];
        var moved = WithPath(target, path => Libc.Call(CallMoveMount, tree.Number, (nint)empty, AtCurrentDirectory, path, MoveMountFromEmptyPath));
        KernelException.Check((int)moved, "mount at", target);
    }

    public static void Temporary(string target, string options) =>
        KernelException.Check(Libc.Mount("tmpfs", target, "tmpfs", MountNoSuid | MountNoDevices, options), "mount a tmpfs at", target);

    /// <summary>A tmpfs on which device nodes work, where the host's root mounts it.</summary>
    public static void TemporaryWithDevices(string target, string options) =>
        KernelException.Check(Libc.Mount("tmpfs", target, "tmpfs", MountNoSuid | MountNoExec, options), "mount a tmpfs at", target);

    /// <summary>Mounts an overlay. Its layers are named relative to the current directory, because all options together may be one page long.</summary>
    /// <param name="target">Where.</param>
    /// <param name="layers">The lower layers, highest first, with colons between them.</param>
    /// <param name="writable">The directory of the upper layer and of its work; null: there is none.</param>
    /// <param name="flags">Of the mount.</param>
    /// <param name="label">The SELinux label of all files; empty: as the policy has it.</param>
    public static void Overlay(string target, string layers, string? writable, nuint flags, string label = "")
    {
        var options = $"lowerdir={layers},xino=off{LabelOption(label)}";
        if (writable is not null)
        {
            options += $",upperdir={writable}/upper,workdir={writable}/work,{(Rights.AreOfHost ? "redirect_dir=on,index=off" : "index=off")},metacopy=off";
        }

        // Root of a user namespace may write no "trusted" attribute; without them a folder of a layer below cannot be renamed, which programs take as a move to another disk.
        options += Rights.AreOfHost ? "" : ",userxattr";

        var result = Libc.Mount("overlay", target, "overlay", flags, writable is null ? options : options + ",volatile");
        var error = Marshal.GetLastPInvokeError();
        if (result < 0 && error == ErrInvalid && writable is not null)
        {
            // Kernels before 5.10 do not know "volatile".
            result = Libc.Mount("overlay", target, "overlay", flags, options);
            error = Marshal.GetLastPInvokeError();
        }

        if (result < 0)
        {
            throw KernelException.FromErrorNumber($"mount the overlay at {target}", error);
        }
    }

    /// <summary>The SELinux label of everything in a file system, as an option behind others; empty for none.</summary>
    public static string LabelOption(string label) => label.Length == 0 ? "" : $",context=\"{label}\"";

    public static void Detach(string target) => _ = Libc.Unmount(target, UnmountDetach | UnmountNoFollow);

    private static void SetAttributes(Descriptor tree, Attribute attributes, Descriptor? owners, string source)
    {
        var wanted = stackalloc MountAttributes[1];
        wanted[0] = new MountAttributes { Set = (ulong)attributes };
        if (owners is not null)
        {
            wanted->Set |= (ulong)Attribute.MapOwners;
            wanted->UserNamespace = (ulong)owners.Number;
        }

        if (wanted->Set == 0)
        {
            return;
        }

        byte empty = 0;
        var set = Libc.Call(CallMountSetAttributes, tree.Number, (nint)(&empty), AtEmptyPath, (nint)wanted, sizeof(MountAttributes));
        if (set < 0 && owners is not null && Marshal.GetLastPInvokeError() == ErrInvalid)
        {
            throw new KernelException(Wire.FailureKind.Kernel, ErrInvalid, $"cannot map the owners of {source}, because its file system does not do that (a tmpfs does from Linux 6.3 on); use a folder on a disk, for temporary files by TMPDIR");
        }

        KernelException.Check((int)set, owners is null ? "set the attributes of" : "map the owners of", source);
    }

    private static nint WithPath(string path, Func<nint, nint> call)
    {
        var bytes = Marshal.StringToCoTaskMemUTF8(path);
        try
        {
            return call(bytes);
        }
        finally
        {
            Marshal.FreeCoTaskMem(bytes);
        }
    }

    private const nint OpenTreeClone = 1, MoveMountFromEmptyPath = 4;

    [Flags]
    public enum Attribute : ulong
    {
        None = 0,
        ReadOnly = 1,
        NoSetuid = 2,
        NoDevices = 4,
        MapOwners = 0x100000,
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MountAttributes
    {
        public ulong Set, Clear, Propagation, UserNamespace;
    }
}
