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
    private readonly bool durable;
    private readonly SmallPart small;
    private int databases;

    private PostgresServer(string programs, bool durable, SmallPart small)
    {
        (this.programs, this.durable, this.small) = (programs, durable, small);
        Disk = small switch
        {
            SmallPart.Tables => SmallDisk.Mount(folder["data"], "96m"),
            SmallPart.WriteAheadLog => SmallDisk.Mount(folder["wal"], "32m"),
            _ => null,
        };
    }

    /// <summary>What of it lies on a disk that can be filled.</summary>
    public enum SmallPart
    {
        /// <summary>Nothing.</summary>
        None,

        /// <summary>All but the write-ahead log. A full disk fails the statement that needs room.</summary>
        Tables,

        /// <summary>The write-ahead log. A full disk ends the whole server, which comes back by itself only when there is room.</summary>
        WriteAheadLog,
    }

    /// <summary>Where its data lies.</summary>
    public string Folder => folder.Path;

    /// <summary>The disk that can be filled; null: there is none.</summary>
    public SmallDisk? Disk { get; }

    /// <summary>Starts a server and waits until it answers. Good for everything but a power cut.</summary>
    public static Task<PostgresServer> StartAsync() => StartAsync(durable: false);

    /// <summary>As <see cref="StartAsync()"/>.</summary>
    /// <param name="durable">True: a commit is on the disk before it is answered, as in use.</param>
    /// <param name="small">What of it lies on a disk that can be filled.</param>
    public static async Task<PostgresServer> StartAsync(bool durable, SmallPart small = SmallPart.None)
    {
        var programs = Directory.Exists("/usr/lib/postgresql")
            ? Directory.GetDirectories("/usr/lib/postgresql").Select(d => Path.Combine(d, "bin")).OrderDescending().FirstOrDefault(d => File.Exists(Path.Combine(d, "initdb")))
            : null;
        Requires.That(programs is not null, "PostgreSQL (Debian's package postgresql)");
        var server = new PostgresServer(programs!, durable, small);
        try
        {
            await OwnedProcess.RunAsync(["chmod", "777", server.folder.Path], user: null);
            if (small is not SmallPart.None)
            {
                await OwnedProcess.RunAsync(["chown", User, server.folder[small is SmallPart.Tables ? "data" : "wal"]], user: null);
            }

            string[] log = small is SmallPart.None ? [] : ["-X", server.folder["wal"], "--wal-segsize=1"];
            await OwnedProcess.RunAsync(
                [Path.Combine(programs!, "initdb"), "-D", server.folder["data"], "-U", User, "-A", "trust", "--no-sync", "--locale=C", "-E", "UTF8", .. log], User);
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
        process = await StartProcessAsync();
        await ComeBackAsync();
    }

    /// <summary>Waits until it answers, and starts it again where it has ended, as systemd does.</summary>
    public async Task ComeBackAsync()
    {
        for (var tries = 0; ; tries++)
        {
            if (!process!.IsRunning && tries < 100)
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

    /// <summary>Has PostgreSQL look at every table and index of every database.</summary>
    /// <exception cref="InvalidOperationException">Something is damaged; the message says what.</exception>
    public Task CheckAsync() => OwnedProcess.RunAsync(
        [Path.Combine(programs, "pg_amcheck"), "-h", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture), "-U", User, "--all", "--install-missing", "--heapallindexed"], user: null);

    public async ValueTask DisposeAsync()
    {
        if (process is not null)
        {
            await process.DisposeAsync();
        }

        Disk?.Dispose();
        folder.Dispose();
    }

    private Task<OwnedProcess> StartProcessAsync()
    {
        string[] settings =
        [
            "listen_addresses=127.0.0.1", $"port={port}", "unix_socket_directories=", $"fsync={(durable ? "on" : "off")}", "max_connections=200", "shared_buffers=32MB", "logging_collector=off",
            .. small is SmallPart.None ? (string[])[] : ["max_wal_size=8MB"],
        ];
        return OwnedProcess.StartAsync([Path.Combine(programs, "postgres"), "-D", folder["data"], .. settings.SelectMany(s => new[] { "-c", s })], folder["log"], User, "INT");
    }
}
