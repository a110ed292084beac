using System.Runtime.InteropServices;

namespace BuildRunner.Agent.Work;

/// <summary>Files of the journal: each is there whole or not at all, also after a power cut.</summary>
internal static partial class DurableFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int Room = 4096;
    private const byte End = (byte)'\n';
    private const int ReadOnlyDirectory = 0x10000, CloseOnExec = 0x80000;

    /// <summary>Writes a file that only its owner can read.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        var draft = path + ".new";
        using (var file = Create(draft, content))
        {
            file.Flush(flushToDisk: true);
        }

        File.Move(draft, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <summary>Writes a new file that only its owner can read. When this returns everybody sees all of it; should the machine fail before the task completes, there may be nothing of it, or half.</summary>
    /// <returns>Completes when it is on the disk.</returns>
    public static Task WriteAsync(string path, ReadOnlySpan<byte> content)
    {
        var draft = path + ".new";
        var file = Create(draft, content);
        try
        {
            File.Move(draft, path);
        }
        catch (IOException)
        {
            file.Dispose();
            throw;
        }

        return SyncAsync(file, path);
    }

    /// <summary>Makes a file that can be filled in later (<see cref="Fill"/>) without that the file system has to be changed for it.</summary>
    /// <returns>Completes when it has its place on the disk.</returns>
    public static Task MakeRoomAsync(string path) => SyncAsync(Create(path, new byte[Room]), path);

    /// <summary>Fills in a file for which there is room. It is on the disk when this returns. Content that is too long is cut.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">Not empty, and without zeros and line feeds.</param>
    public static void Fill(string path, ReadOnlySpan<byte> content)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
        RandomAccess.Write(file, [.. content[..Math.Min(content.Length, Room - 1)], End], fileOffset: 0);
        if (DataSync((int)file.DangerousGetHandle()) != 0)
        {
            throw new IOException($"{path} cannot be written to the disk: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}");
        }
    }

    /// <summary>What a file was filled in with, if that was finished: what a failure of the machine cut off counts as not filled in, for <see cref="Fill"/> had not returned then.</summary>
    /// <returns>Null: nothing, or not all of it, or there is no such file.</returns>
    public static byte[]? ReadFilled(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        var all = File.ReadAllBytes(path);
        return all.Length == Room && all.IndexOf(End) is var end and > 0 && !all.AsSpan(0, end).Contains((byte)0) ? all[..end] : null;
    }

    /// <summary>As <see cref="ReadFilled"/>, of a file that a version before this one wrote: without room, or with room and without an end.</summary>
    /// <returns>Null: nothing yet, or there is no such file. Empty: a file without room that holds nothing.</returns>
    public static byte[]? ReadFilledEarlier(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        var all = File.ReadAllBytes(path);
        return all.Length > 0 && all[0] == 0 ? null : all.AsSpan(0, all.IndexOf((byte)0) is var end and >= 0 ? end : all.Length).ToArray();
    }

    /// <summary>Makes a directory, and those above it, that only its owner can enter.</summary>
    public static string MakeDirectory(string path)
    {
        Directory.CreateDirectory(path, OwnerOnly | UnixFileMode.UserExecute);
        return path;
    }

    private static FileStream Create(string path, ReadOnlySpan<byte> content)
    {
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly, BufferSize = 0 };
        var file = new FileStream(path, options);
        try
        {
            file.Write(content);
            return file;
        }
        catch (IOException)
        {
            file.Dispose();
            throw;
        }
    }

    private static Task SyncAsync(FileStream file, string path) => Task.Run(() =>
    {
        using (file)
        {
            file.Flush(flushToDisk: true);
        }

        SyncDirectory(Path.GetDirectoryName(path)!);
    });

    // A name is durable when its directory is; the framework has no call for that.
    private static void SyncDirectory(string path)
    {
        var descriptor = Open(path, ReadOnlyDirectory | CloseOnExec, 0);
        if (descriptor >= 0)
        {
            _ = FileSync(descriptor);
            _ = Close(descriptor);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags, uint mode);

    // The framework's way waits for the file's times too, which are no part of what it says.
    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static partial int DataSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int FileSync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
