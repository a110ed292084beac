using BuildRunner.Cli;
using BuildRunner.Core.Files;
using BuildRunner.Server;

namespace BuildRunner.Hosting;

/// <summary>The server's folder, while this process uses it. With SQLite there is one server to a folder; the lock goes with the process, however that ends.</summary>
internal sealed class DataFolder : IDisposable
{
    // What Linux answers whoever wants a lock that another process has.
    private const int Held = 11;

    private readonly FileStream? held;

    private DataFolder(FileStream? held) => this.held = held;

    /// <summary>Makes the folder if there is none, and takes it.</summary>
    /// <exception cref="CliException">It cannot be used, or another server uses it.</exception>
    public static DataFolder Open(ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Make(options);
        return new DataFolder(options.PostgreSql is null ? Take(Path.Combine(options.DataDirectory, "server.lock")) : null);
    }

    /// <summary>Makes the folder if there is none.</summary>
    /// <exception cref="CliException">It cannot be made.</exception>
    public static void Make(ServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        try
        {
            Directory.CreateDirectory(options.DataDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"the data directory {options.DataDirectory} cannot be made: {PathTrouble.OfFolder(options.DataDirectory, e)}; name another one with --data-dir or Server:DataDir");
        }
    }

    public void Dispose() => held?.Dispose();

    private static FileStream Take(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException { HResult: not Held })
        {
            throw new CliException(ExitCode.Usage, $"{path} cannot be written: {PathTrouble.OfFile(path, e)}; name another data directory with --data-dir or Server:DataDir");
        }
        catch (IOException)
        {
            throw new CliException(
                ExitCode.Usage,
                $"another server uses {Path.GetDirectoryName(path)}. With SQLite there is one server to a data directory; stop the other one, or name another directory with --data-dir");
        }
    }
}
