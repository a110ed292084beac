using System.Runtime.InteropServices;

namespace BuildRunner.Containers.Storage;

/// <summary>The system calls of the image store. Names are bytes that end with NUL: a file name need not be text.</summary>
internal static unsafe partial class Libc
{
    public const int AtCurrentDirectory = -100;
    public const int AtRemoveDirectory = 0x200;
    public const int AtSymlinkNoFollow = 0x100;
    public const int AtEmptyPath = 0x1000;

    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x80000;
    public const int PathOnly = 0x200000;

    // These two differ between x86 and ARM.
    public static readonly int DirectoryOnly = IsArm ? 0x4000 : 0x10000;
    public static readonly int NoFollow = IsArm ? 0x8000 : 0x20000;

    public const ulong ResolveNoCrossing = 0x01;
    public const ulong ResolveNoMagicLinks = 0x02;
    public const ulong ResolveNoSymlinks = 0x04;
    public const ulong ResolveBeneath = 0x08;
    public const ulong ResolveInRoot = 0x10;

    public const int LockShared = 1;
    public const int LockExclusive = 2;
    public const int LockNonBlocking = 4;

    public const uint TypeMask = 0xF000;
    public const uint TypeDirectory = 0x4000;
    public const uint TypeCharacterDevice = 0x2000;
    public const uint TypeFile = 0x8000;
    public const uint TypeSymbolicLink = 0xA000;
    public const uint TypeFifo = 0x1000;

    private const int OpenAt2Number = 437;
    private const int DuplicateCloseOnExec = 1030;

    private static bool IsArm => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    public static partial int OpenAt(int directory, byte* name, int flags, uint mode);

    /// <summary><c>openat2</c>: opens a path that may not leave <paramref name="directory"/>. Linux 5.6.</summary>
    public static int OpenAt2(int directory, byte* name, int flags, ulong resolve)
    {
        var how = new OpenHow { Flags = (ulong)(uint)flags, Resolve = resolve };
        return (int)SystemCall(OpenAt2Number, directory, name, &how, (nuint)sizeof(OpenHow));
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, nint directory, byte* name, OpenHow* how, nuint size);

    /// <summary>Another descriptor of an open file, closed on exec.</summary>
    public static int Duplicate(int descriptor) => Control(descriptor, DuplicateCloseOnExec, 0);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "llistxattr", SetLastError = true)]
    public static partial nint ListOwnAttributes(byte* path, byte* names, nuint size);

    [LibraryImport("libc", EntryPoint = "lgetxattr", SetLastError = true)]
    public static partial nint GetOwnAttribute(byte* path, byte* name, byte* value, nuint size);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true)]
    public static partial int MakeDirectoryAt(int directory, byte* name, uint mode);

    [LibraryImport("libc", EntryPoint = "symlinkat", SetLastError = true)]
    public static partial int SymbolicLinkAt(byte* target, int directory, byte* name);

    [LibraryImport("libc", EntryPoint = "linkat", SetLastError = true)]
    public static partial int LinkAt(int fromDirectory, byte* fromName, int toDirectory, byte* toName, int flags);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    public static partial int UnlinkAt(int directory, byte* name, int flags);

    [LibraryImport("libc", EntryPoint = "mknodat", SetLastError = true)]
    public static partial int MakeNodeAt(int directory, byte* name, uint mode, ulong device);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true)]
    public static partial int RenameAt(int fromDirectory, byte* fromName, int toDirectory, byte* toName);

    [LibraryImport("libc", EntryPoint = "readlinkat", SetLastError = true)]
    public static partial nint ReadLinkAt(int directory, byte* name, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    public static partial int ChangeOwner(int descriptor, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "fchownat", SetLastError = true)]
    public static partial int ChangeOwnerAt(int directory, byte* name, uint user, uint group, int flags);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    public static partial int ChangeMode(int descriptor, uint mode);

    [LibraryImport("libc", EntryPoint = "fchmodat", SetLastError = true)]
    public static partial int ChangeModeAt(int directory, byte* name, uint mode, int flags);

    [LibraryImport("libc", EntryPoint = "futimens", SetLastError = true)]
    public static partial int SetTimes(int descriptor, TimePair* times);

    [LibraryImport("libc", EntryPoint = "utimensat", SetLastError = true)]
    public static partial int SetTimesAt(int directory, byte* name, TimePair* times, int flags);

    [LibraryImport("libc", EntryPoint = "fsetxattr", SetLastError = true)]
    public static partial int SetAttribute(int descriptor, byte* name, byte* value, nuint size, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int descriptor, byte* bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(int descriptor, long offset, int from);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint WriteAt(int descriptor, byte* bytes, nuint count, long offset);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int SetLength(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    public static partial int Status(int directory, byte* name, int flags, uint mask, FileStatus* status);

    [LibraryImport("libc", EntryPoint = "getdents64", SetLastError = true)]
    public static partial nint ReadDirectory(int descriptor, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(int descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    public static partial int SynchronizeFileSystem(int descriptor);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    /// <summary><c>struct timespec</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    /// <summary>Access time and time of change, as the calls that set them want them.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct TimePair
    {
        public TimeSpec Access;
        public TimeSpec Change;
    }

    /// <summary><c>struct statx</c>: the same on every architecture, unlike <c>struct stat</c>.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public struct FileStatus
    {
        /// <summary>Asks for type, mode, links, owner, time of change, inode and size.</summary>
        public const uint Basic = 0x7FF;

        [FieldOffset(0x10)]
        public uint Links;
        [FieldOffset(0x14)]
        public uint User;
        [FieldOffset(0x18)]
        public uint Group;
        [FieldOffset(0x1C)]
        public ushort Mode;
        [FieldOffset(0x20)]
        public ulong Inode;
        [FieldOffset(0x28)]
        public ulong Size;
        [FieldOffset(0x70)]
        public long ChangeSeconds;
        [FieldOffset(0x78)]
        public uint ChangeNanoseconds;
        [FieldOffset(0x80)]
        public uint NodeMajor;
        [FieldOffset(0x84)]
        public uint NodeMinor;
        [FieldOffset(0x88)]
        public uint DeviceMajor;
        [FieldOffset(0x8C)]
        public uint DeviceMinor;
    }
}
