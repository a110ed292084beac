using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace BuildRunner.Cli.Trees;

/// <summary>What a directory entry is.</summary>
internal enum FileKind
{
    Missing,
    File,
    Directory,
    Link,

    /// <summary>A pipe, socket or device.</summary>
    Other,
}

/// <summary>Tells what an entry is without opening it or following a link; the runtime's own calls do not tell pipes from files.</summary>
internal static partial class FileKinds
{
    private const int CurrentDirectory = -100;
    private const int DoNotFollow = 0x100;
    private const uint WantType = 1, WantOwner = 8;
    private const int OwnerOffset = 20, ModeOffset = 28;

    public static FileKind Of(string path)
    {
        Span<byte> answer = stackalloc byte[256];
        if (Statx(CurrentDirectory, path, DoNotFollow, WantType, answer) != 0)
        {
            return FileKind.Missing;
        }

        return (BinaryPrimitives.ReadUInt16LittleEndian(answer[ModeOffset..]) & 0xf000) switch
        {
            0x8000 => FileKind.File,
            0x4000 => FileKind.Directory,
            0xa000 => FileKind.Link,
            _ => FileKind.Other,
        };
    }

    /// <summary>True: the entry is this process's user's own, and no link to one.</summary>
    public static bool IsOwn(string path)
    {
        Span<byte> answer = stackalloc byte[256];
        return Statx(CurrentDirectory, path, DoNotFollow, WantOwner, answer) == 0 && BinaryPrimitives.ReadUInt32LittleEndian(answer[OwnerOffset..]) == EffectiveUser();
    }

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Statx(int directory, string path, int flags, uint mask, Span<byte> answer);
}
