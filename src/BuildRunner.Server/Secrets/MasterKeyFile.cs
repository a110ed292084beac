using System.Text;
using BuildRunner.Core.Files;

namespace BuildRunner.Server.Secrets;

/// <summary>The file that holds the master key: mode 0600, outside of the data folder.</summary>
public static class MasterKeyFile
{
    private const UnixFileMode OthersAccess =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private const int MaxLength = 1024;

    /// <summary>Reads the key.</summary>
    /// <exception cref="SecretException">There is none, others may read it, or it is not of its form.</exception>
    public static MasterKey Read(string path)
    {
        string text;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if ((File.GetUnixFileMode(file.SafeFileHandle) & OthersAccess) != 0)
                throw new SecretException(SecretFault.Key, $"others may read the master key {path}; run: chmod 600 {path}");
            var bytes = new byte[MaxLength];
            text = Encoding.ASCII.GetString(bytes, 0, file.ReadAtLeast(bytes, MaxLength, throwOnEndOfStream: false));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SecretException(SecretFault.Key, $"the master key {path} cannot be read: {(e is UnauthorizedAccessException && !Directory.Exists(path) ? "this user may not read it" : PathTrouble.OfFile(Path.GetFullPath(path), e))}", e);
        }
        return MasterKey.TryParse(text, out var key, out var problem) ? key : throw new SecretException(SecretFault.Key, $"{path}: {problem}");
    }

    /// <summary>Reads the key, and makes one if there is no file. Of several servers that do so at once, all get the same key.</summary>
    /// <exception cref="SecretException">As for <see cref="Read"/>, or the file cannot be made.</exception>
    public static MasterKey ReadOrCreate(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (File.Exists(path))
            return Read(path);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Create(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SecretException(SecretFault.Key, $"the master key {path} cannot be made: {PathTrouble.OfFile(Path.GetFullPath(path), e)}", e);
        }
        return Read(path);
    }

    // Whole or not at all: written beside, then linked, which fails if another server was faster.
    private static void Create(string path)
    {
        var beside = $"{path}.{Guid.NewGuid():N}";
        try
        {
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            using (var file = new FileStream(beside, options))
            {
                file.Write(Encoding.ASCII.GetBytes(MasterKey.Generate().Export() + "\n"));
                file.Flush(flushToDisk: true);
            }
            if (!File.Exists(path))
                File.Move(beside, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            // Another server made it in between; its key counts.
        }
        finally
        {
            File.Delete(beside);
        }
    }
}
