using BuildRunner.Server.Access;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Backup;

namespace BuildRunner.Server.Hosting;

/// <summary>What an administrator does on the server's own machine, straight in the database. The server may run meanwhile, or not.</summary>
public sealed class ServerDesk : IAsyncDisposable
{
    private readonly ServerOptions options;
    private readonly TimeProvider time;
    private readonly Database database;

    private ServerDesk(ServerOptions options, TimeProvider time)
    {
        this.options = options;
        this.time = time;
        database = ServerServices.OpenDatabase(options, time);
    }

    /// <summary>Called when some seconds were waited because another process holds the database up: with what is waited for.</summary>
    public event Action<string>? Waits
    {
        add => database.Waits += value;
        remove => database.Waits -= value;
    }

    /// <summary>Opens the database as it is.</summary>
    public static ServerDesk Open(ServerOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new ServerDesk(options, time);
    }

    /// <summary>Opens the database, and brings it to this version if it is new or the options say so.</summary>
    public static async Task<ServerDesk> OpenAsync(ServerOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        var desk = Open(options, time);
        await desk.ReadyAsync(cancellationToken);
        return desk;
    }

    /// <summary>Makes a token for the API, after bringing the database to this version if the options say so.</summary>
    public async Task<string> CreateTokenAsync(string name, IReadOnlyList<string> scopes, CancellationToken cancellationToken)
    {
        await ReadyAsync(cancellationToken);
        return (await new ApiTokens(database).CreateAsync(name, scopes, validFor: null, "the server's machine", cancellationToken)).Token;
    }

    /// <summary>The GitHub App that was made on the page; null: none.</summary>
    internal Task<Forge.MadeApp?> GitHubAppAsync(CancellationToken cancellationToken) => Forge.GitHubApps.ReadAsync(database, options.Keys, cancellationToken);

    /// <summary>Makes a token with which one agent can register.</summary>
    public Task<string> CreateAgentTokenAsync(IReadOnlyDictionary<string, string> labels, TimeSpan validFor, CancellationToken cancellationToken) =>
        new AgentRegistry(database, options.Dispatch, options.Logs).CreateTokenAsync(labels, validFor, cancellationToken);

    /// <summary>Makes a link's token, which signs an administrator's browser in, once.</summary>
    public async Task<string> CreateLinkAsync(CancellationToken cancellationToken)
    {
        await ReadyAsync(cancellationToken);
        return await new ApiTokens(database).CreateLinkAsync("administrator", [Scopes.Admin], cancellationToken);
    }

    /// <summary>Brings the tables to this version, one process at a time.</summary>
    /// <returns>The changes that were made.</returns>
    public async Task<IReadOnlyList<string>> MigrateAsync(CancellationToken cancellationToken)
    {
        var pending = await database.PendingAsync(cancellationToken);
        await database.MigrateAsync(cancellationToken);
        return pending;
    }

    /// <summary>Looks whether database, logs and keys belong together.</summary>
    public Task<IReadOnlyList<StoreFinding>> CheckAsync(CancellationToken cancellationToken) => new StoreCheck(options, database).LookAsync(cancellationToken);

    /// <summary>Writes a backup; the server may run meanwhile.</summary>
    /// <exception cref="BackupException">It cannot be made.</exception>
    public Task BackupAsync(string path, CancellationToken cancellationToken) => new Backups(options, time).WriteAsync(path, database, cancellationToken);

    /// <summary>Restores a backup into an empty data folder and database; no server may run on them.</summary>
    /// <returns>The id of the master key that sealed its secrets, and when it was made.</returns>
    /// <exception cref="BackupException">It cannot be restored.</exception>
    public static async Task<(string KeyId, DateTimeOffset CreatedAt)> RestoreAsync(ServerOptions options, string path, TimeProvider time, CancellationToken cancellationToken)
    {
        var manifest = await new Backups(options, time).RestoreAsync(path, cancellationToken);
        return (manifest.KeyId, manifest.CreatedAt);
    }

    /// <summary>Closes the database.</summary>
    public ValueTask DisposeAsync()
    {
        (database as IDisposable)?.Dispose();
        return ValueTask.CompletedTask;
    }

    private Task ReadyAsync(CancellationToken cancellationToken) => options.MigrateOnStart ? database.MigrateAsync(cancellationToken) : Task.CompletedTask;
}
