using BuildRunner.Cli;
using BuildRunner.Server;

namespace BuildRunner.Hosting;

/// <summary>The server's folder, while this process uses it. With SQLite there is one server to a folder; the lock goes with the process, however that ends.</summary>
internal sealed class DataFolder : IDisposable
{
    private readonly FileStream? held;

    private DataFolder(FileStream? held) => this.held = held;

    /// <summary>Makes the folder if there is none, and takes it.</summary>
    /// <exception cref="CliException">It cannot be used, or another server uses it.</exception>
    public static DataFolder Open(ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            Directory.CreateDirectory(options.DataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"the data directory {options.DataDirectory} cannot be made: {e.Message}; name another one with --data-dir or Server:DataDir");
        }

        return new DataFolder(options.PostgreSql is null ? Take(Path.Combine(options.DataDirectory, "server.lock")) : null);
    }

    public void Dispose() => held?.Dispose();

    private static FileStream Take(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CliException(ExitCode.Usage, $"{path} cannot be written: {e.Message}");
        }
        catch (IOException) when (File.Exists(path))
        {
            throw new CliException(
                ExitCode.Usage,
                $"another server uses {Path.GetDirectoryName(path)}. With SQLite there is one server to a data directory; stop the other one, or name another directory with --data-dir");
        }
    }
}
