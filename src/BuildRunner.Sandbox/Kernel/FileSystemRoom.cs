namespace BuildRunner.Sandbox.Kernel;

/// <summary>What is left of a file system.</summary>
/// <param name="FreeBytes">For whoever has no right to what is kept back.</param>
/// <param name="FreeFiles">How many more files there can be.</param>
internal readonly unsafe record struct FileSystemRoom(long FreeBytes, long FreeFiles)
{
    /// <summary>Of the file system that a path is on; as much as can be if it cannot be asked.</summary>
    public static FileSystemRoom Of(string path)
    {
        // struct statfs of 64-bit processors: type, block size, blocks, free, free for all, files, free files.
        var layout = stackalloc long[32];
        return Libc.FileSystemStatus(path, layout) < 0 ? new FileSystemRoom(long.MaxValue, long.MaxValue) : new FileSystemRoom(layout[4] * layout[1], layout[6]);
    }
}
