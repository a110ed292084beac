using System.Runtime.InteropServices;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Owner and kind of a file, from <c>statx</c>, whose layout is the same on every processor.</summary>
internal readonly unsafe record struct FileStatus(uint User, uint Group, uint Mode, long Size)
{
    public bool IsRegular => (Mode & 0xF000) == 0x8000;

    public bool IsDirectory => (Mode & 0xF000) == 0x4000;

    /// <summary>The status of what a path names; a link itself, not what it points to.</summary>
    public static FileStatus Of(string path)
    {
        var bytes = Marshal.StringToCoTaskMemUTF8(path);
        try
        {
            return Of(Constants.AtCurrentDirectory, (byte*)bytes, NoFollow, path);
        }
        finally
        {
            Marshal.FreeCoTaskMem(bytes);
        }
    }

    /// <summary>The status of an open file.</summary>
    public static FileStatus Of(Descriptor file)
    {
        byte empty = 0;
        return Of(file.Number, &empty, Constants.AtEmptyPath, "a file");
    }

    private static FileStatus Of(int directory, byte* path, int flags, string name)
    {
        Layout layout;
        KernelException.Check((int)Libc.Call(CallStatx, directory, (nint)path, flags, BasicMask, (nint)(&layout)), "look at", name);
        return new FileStatus(layout.User, layout.Group, layout.Mode, (long)layout.Size);
    }

    private const int NoFollow = 0x100, BasicMask = 0x7FF;

    private static nint CallStatx => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 291 : 332;

    [StructLayout(LayoutKind.Sequential, Size = 256)]
    private struct Layout
    {
        public uint Mask, BlockSize;
        public ulong Attributes;
        public uint Links, User, Group;
        public ushort Mode, Spare;
        public ulong Inode, Size;
    }
}
