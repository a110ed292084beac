using System.Data.Common;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace BuildRunner.Server.Storage;

/// <summary>The way to the tables: reads, and writes that happen whole or not at all.</summary>
internal abstract class Database
{
    private const int MaxConflicts = 40;
    private Task<IReadOnlyList<string>>? ahead;

    /// <summary>Called with what a write wants rung, after it was committed.</summary>
    public event Action<IReadOnlyList<Bell>>? Committed;

    /// <summary>Called when this process has waited for some seconds because another one holds the database up: with what is waited for, not again and again while it lasts.</summary>
    public event Action<string>? Waits;

    /// <summary>For a person: <c>SQLite</c> or <c>PostgreSQL</c>.</summary>
    public abstract string Name { get; }

    /// <summary>True: other servers may use it too.</summary>
    public abstract bool IsShared { get; }

    /// <summary>Reads, outside of any transaction.</summary>
    public async Task<T> ReadAsync<T>(Func<Db, Task<T>> read, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(read);
        cancellationToken.ThrowIfCancellationRequested();
        await using var db = Open();
        return await read(db);
    }

    /// <summary>Writes in one transaction; when somebody else changed the same rows, again from the beginning.</summary>
    /// <param name="write">May run several times; must touch nothing but its turn.</param>
    /// <param name="cancellationToken">Gives up waiting for the turn. What has begun is finished, so that the caller knows whether it was stored.</param>
    public async Task<T> WriteAsync<T>(Func<WriteTurn, Task<T>> write, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(write);
        for (var conflicts = 0; ; conflicts++)
        {
            if (await TryInTurnAsync(write, conflicts, cancellationToken) is { } done)
            {
                if (done.Bells.Count > 0)
                {
                    Committed?.Invoke(done.Bells);
                }

                return done.Result;
            }
        }
    }

    /// <summary>As <see cref="WriteAsync{T}"/>, without a result.</summary>
    public Task WriteAsync(Func<WriteTurn, Task> write, CancellationToken cancellationToken) =>
        WriteAsync(
            async turn =>
            {
                await write(turn);
                return true;
            },
            cancellationToken);

    /// <summary>The database's clock: the same for all servers that share it.</summary>
    public abstract Task<DateTimeOffset> NowAsync(Db db);

    /// <summary>A run, which reading it holds until the end of the transaction. Whoever writes about a run holds it first, so that such writes come one after the other.</summary>
    /// <param name="db">The tables.</param>
    /// <param name="run">Which.</param>
    /// <param name="wait">False: nothing is found where somebody else holds it.</param>
    public abstract IQueryable<RunRow> Held(Db db, Guid run, bool wait);

    /// <summary>An agent, which reading it holds until the end of the transaction, so that its claims come one after the other. Before any run.</summary>
    public abstract IQueryable<AgentRow> HeldAgent(Db db, Guid agent);

    /// <summary>Brings the tables to this version, one server at a time. Where they are at this version it only looks, which every start does.</summary>
    public async Task MigrateAsync(CancellationToken cancellationToken)
    {
        var looked = Interlocked.Exchange(ref ahead, null);
        if ((looked is null ? await PendingAsync(cancellationToken) : await looked.WaitAsync(cancellationToken)).Count > 0)
        {
            await MigrateAloneAsync(cancellationToken);
        }
    }

    /// <summary>Begins to look for what <see cref="MigrateAsync"/> will ask, and does not wait for it: connecting to a database takes a good part of a start, and what else there is to do does not need it.</summary>
    public void LookAhead() => ahead = Task.Run(() => PendingAsync(CancellationToken.None));

    /// <summary>Changes of the tables that are still to be made, oldest first.</summary>
    /// <remarks>Every start and every health check asks this. So it is asked without the framework, which would first make the model of all tables: that takes longer than the rest of a start.</remarks>
    public async Task<IReadOnlyList<string>> PendingAsync(CancellationToken cancellationToken)
    {
        using var watch = Watch();
        await using var connection = await ConnectAsync(cancellationToken);
        var made = (await TextsAsync(connection, HistoryTable, cancellationToken)).Count == 0
            ? []
            : await TextsAsync(connection, """SELECT "MigrationId" FROM "__EFMigrationsHistory" """, cancellationToken);
        return [.. Migrations.Except(made, StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>A setting that is kept in the database; null: there is none. Asked without the framework, as <see cref="PendingAsync"/> is: a start waits for it.</summary>
    public async Task<string?> SettingAsync(string key, CancellationToken cancellationToken)
    {
        await using var connection = await ConnectAsync(cancellationToken);
        return (await TextsAsync(connection, "SELECT value FROM settings WHERE key = @key", cancellationToken, ("key", key))).SingleOrDefault();
    }

    /// <summary>Makes what the first query needs, beside whatever else is going on.</summary>
    public void WarmUp() => _ = Task.Run(async () =>
    {
        await using var db = Open();
        return await db.Settings.AnyAsync();
    });

    /// <summary>The changes of its tables by name, oldest first (<see cref="KnownMigrations"/>).</summary>
    public abstract IReadOnlyList<string> Migrations { get; }

    /// <summary>A question that is answered with a line where the table of changes exists.</summary>
    protected abstract string HistoryTable { get; }

    /// <summary>Opens a connection.</summary>
    protected abstract Task<DbConnection> ConnectAsync(CancellationToken cancellationToken);

    /// <summary>As <see cref="MigrateAsync"/>, after a look that found something to do.</summary>
    protected abstract Task MigrateAloneAsync(CancellationToken cancellationToken);

    /// <summary>A context that does not track what it reads.</summary>
    public abstract Db Open();

    /// <summary>Watches what another process may hold up (<see cref="Waits"/>), until it is disposed; null: nothing can.</summary>
    protected virtual IDisposable? Watch() => null;

    /// <summary>Says what is waited for.</summary>
    protected void SayWaits(string what) => Waits?.Invoke(what);

    /// <summary>Waits until this process may write.</summary>
    protected abstract Task<IDisposable> EnterAsync(CancellationToken cancellationToken);

    /// <summary>Whether another try may succeed.</summary>
    protected abstract bool IsConflict(Exception exception);

    private static async Task<List<string>> TextsAsync(DbConnection connection, string question, CancellationToken cancellationToken, params (string Name, string Value)[] values)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = question;
        foreach (var (name, value) in values)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }

        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var texts = new List<string>();
        while (await reader.ReadAsync(cancellationToken))
        {
            texts.Add(reader.GetString(0));
        }

        return texts;
    }

    private async Task<(T Result, IReadOnlyList<Bell> Bells)?> TryInTurnAsync<T>(Func<WriteTurn, Task<T>> write, int conflicts, CancellationToken cancellationToken)
    {
        using var turn = await EnterAsync(cancellationToken);
        try
        {
            return await TryWriteAsync(write);
        }
        catch (Exception e) when (conflicts < MaxConflicts && (e is StaleException or DbUpdateConcurrencyException || IsConflict(e)))
        {
            // Somebody was faster; what was read is out of date, and the caller begins again.
            return null;
        }
    }

    private async Task<(T Result, IReadOnlyList<Bell> Bells)> TryWriteAsync<T>(Func<WriteTurn, Task<T>> write)
    {
        await using var db = Open();
        await using var transaction = await BeginAsync(db);
        var turn = new WriteTurn(this, db, await NowAsync(db));
        var result = await write(turn);
        await db.SaveChangesAsync(CancellationToken.None);
        await transaction.CommitAsync(CancellationToken.None);
        return (result, turn.Bells);
    }

    private async Task<IDbContextTransaction> BeginAsync(Db db)
    {
        using var watch = Watch();
        return await db.Database.BeginTransactionAsync(CancellationToken.None);
    }
}

/// <summary>What a write was based on has changed; it has to be done again.</summary>
internal sealed class StaleException(string what) : Exception(what);
