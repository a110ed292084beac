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
    private const uint WantType = 1;
    private const int ModeOffset = 28;

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

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Statx(int directory, string path, int flags, uint mask, Span<byte> answer);
}
