namespace BuildRunner.Server.Storage;

/// <summary>Files that another program or library fills: with the rights that it would give them, others could read them where the folder lets them in.</summary>
internal static class PrivateFile
{
    /// <summary>Makes an empty file that only its owner can read, unless there is one.</summary>
    /// <returns>Its path.</returns>
    public static string Make(string path)
    {
        try
        {
            using var file = Create(path);
        }
        catch (IOException) when (File.Exists(path))
        {
            // It is there already, or another process was faster.
        }

        return path;
    }

    /// <summary>Makes a file that was not there before and that only its owner can read. What lies in its place, a link of somebody else's for instance, is removed first.</summary>
    public static FileStream Anew(string path)
    {
        File.Delete(path);
        return Create(path);
    }

    private static FileStream Create(string path) =>
        new(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
}
