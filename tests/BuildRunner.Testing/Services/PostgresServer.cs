using System.Globalization;

namespace BuildRunner.Testing.Services;

/// <summary>Debian's PostgreSQL on a free port of the loopback interface, with a data folder of its own.</summary>
/// <remarks>Disposing it ends the server and removes the data.</remarks>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string User = "postgres";
    private readonly TestFolder folder = TestFolder.Create();
    private readonly string programs;
    private readonly int port = OwnedProcess.FreePort();
    private OwnedProcess? process;
    private int databases;

    private readonly bool durable;

    private PostgresServer(string programs, bool durable) => (this.programs, this.durable) = (programs, durable);

    /// <summary>Where its data lies.</summary>
    public string Folder => folder.Path;

    /// <summary>Starts a server and waits until it answers. Good for everything but a power cut.</summary>
    public static Task<PostgresServer> StartAsync() => StartAsync(durable: false);

    /// <summary>As <see cref="StartAsync()"/>.</summary>
    /// <param name="durable">True: a commit is on the disk before it is answered, as in use.</param>
    public static async Task<PostgresServer> StartAsync(bool durable)
    {
        var programs = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).OrderDescending().FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
            : null;
        Requires.That(programs is not null, "PostgreSQL (Debian's package postgresql)");
        var server = new PostgresServer(programs!, durable);
        try
        {
            await OwnedProcess.RunAsync(["chmod", "777", server.folder.Path], user: null);
            await OwnedProcess.RunAsync(
                [Path.Combine(programs!, "initdb"), "-D", server.folder["data"], "-U", User, "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8"], User);
            await server.RestartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes an empty database and says how to connect to it.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"test{Interlocked.Increment(ref databases)}";
        await OwnedProcess.RunAsync(
            [Path.Combine(programs, "createdb"), "-h", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "-U", User, name], user: null);
        return $"Host=127.0.0.1;Port={port};Username={User};Database={name};Maximum Pool Size=40";
    }

    /// <summary>Ends it as <c>kill -9</c> does; the data stays.</summary>
    public async Task KillAsync()
    {
        await process!.SignalAsync("KILL");
        await process.DisposeAsync();
        process = null;
    }

    /// <summary>Starts it again on the same port with the same data.</summary>
    public async Task RestartAsync()
    {
        string[] settings =
        [
            "listen_addresses=127.0.0.1", $"port={port}", "unix_socket_directories=", $"fsync={(durable ? "on" : "off")}", "max_connections=200", "shared_buffers=32MB", "logging_collector=off",
        ];
        Task<OwnedProcess> StartProcessAsync() => OwnedProcess.StartAsync(
            [Path.Combine(programs, "postgres"), "-D", folder["data"], .. settings.SelectMany(s => new[] { "-c", s })], folder["log"], User, "INT");
        process = await StartProcessAsync();
        for (var tries = 0; ; tries++)
        {
            if (!process.IsRunning && tries < 100)
            {
                // Children of one that was killed hold its memory for a moment.
                await process.DisposeAsync();
                process = await StartProcessAsync();
            }

            try
            {
                await OwnedProcess.RunAsync([Path.Combine(programs, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture)], user: null);
                return;
            }
            catch (InvalidOperationException) when (tries < 300)
            {
                // Starting; ask again.
                await Task.Delay(100);
            }
            catch (InvalidOperationException e)
            {
                throw new InvalidOperationException($"PostgreSQL did not start: {await File.ReadAllTextAsync(folder["log"])}", e);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (process is not null)
        {
            await process.DisposeAsync();
        }

        folder.Dispose();
    }
}
