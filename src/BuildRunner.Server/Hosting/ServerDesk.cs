using BuildRunner.Server.Access;
using BuildRunner.Server.Storage;

namespace BuildRunner.Server.Hosting;

/// <summary>What an administrator does on the server's own machine, straight in the database. The server may run meanwhile, or not.</summary>
public sealed class ServerDesk : IAsyncDisposable
{
    private readonly Database database;

    private ServerDesk(Database database) => this.database = database;

    /// <summary>Opens the database, and brings it to this version if it is new or the options say so.</summary>
    public static async Task<ServerDesk> OpenAsync(ServerOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var database = ServerServices.OpenDatabase(options, time);
        if (options.MigrateOnStart)
        {
            await database.MigrateAsync(cancellationToken);
        }

        return new ServerDesk(database);
    }

    /// <summary>Makes a token for the API.</summary>
    public async Task<string> CreateTokenAsync(string name, IReadOnlyList<string> scopes, CancellationToken cancellationToken) =>
        (await new ApiTokens(database).CreateAsync(name, scopes, validFor: null, "the server's machine", cancellationToken)).Token;

    /// <summary>Closes the database.</summary>
    public ValueTask DisposeAsync()
    {
        (database as IDisposable)?.Dispose();
        return ValueTask.CompletedTask;
    }
}
