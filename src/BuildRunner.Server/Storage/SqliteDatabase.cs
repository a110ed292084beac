using System.Data.Common;
using BuildRunner.Server.Storage.Rows;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace BuildRunner.Server.Storage;

/// <summary>SQLite: one file, one server, one writer at a time.</summary>
internal sealed class SqliteDatabase : Database, IDisposable
{
    private const int Busy = 5;
    private const int BusySnapshot = 517;

    // What Linux answers whoever wants a lock that another process has.
    private const int HeldByAnother = 11;

    // Long enough for what a backup or another write holds up, short enough for whoever looks at a start.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan BetweenWords = TimeSpan.FromMinutes(10);

    private readonly string file;
    private readonly TimeProvider time;
    private readonly DbContextOptions<SqliteDb> options;
    private readonly PooledDbContextFactory<SqliteDb> contexts;
    private readonly SemaphoreSlim writer = new(1, 1);
    private readonly Lock gate = new();
    private readonly Dictionary<string, long> said = new(StringComparer.Ordinal);

    /// <param name="file">The database's file; its directory exists.</param>
    /// <param name="time">The clock: the database is in this process, so this is the database's.</param>
    public SqliteDatabase(string file, TimeProvider time)
    {
        this.file = file;
        this.time = time;
        options = Options(file);
        contexts = new PooledDbContextFactory<SqliteDb>(options);
    }

    /// <inheritdoc/>
    public override string Name => "SQLite";

    /// <inheritdoc/>
    public override bool IsShared => false;

    /// <summary>Options for a file.</summary>
    public static DbContextOptions<SqliteDb> Options(string file)
    {
        return new DbContextOptionsBuilder<SqliteDb>()
            .UseSqlite(ConnectionString(file))
            .UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking)
            .ConfigureWarnings(w => w.Ignore(RelationalEventId.PendingModelChangesWarning))
            .AddInterceptors(DurableConnections.Instance)
            .Options;
    }

    /// <inheritdoc/>
    public override Task<DateTimeOffset> NowAsync(Db db) => Task.FromResult(time.GetUtcNow());

    /// <inheritdoc/>
    public override IQueryable<RunRow> Held(Db db, Guid run, bool wait)
    {
        ArgumentNullException.ThrowIfNull(db);
        return db.Runs.Where(r => r.Id == run);
    }

    /// <inheritdoc/>
    public override IQueryable<AgentRow> HeldAgent(Db db, Guid agent)
    {
        ArgumentNullException.ThrowIfNull(db);
        return db.Agents.Where(a => a.Id == agent);
    }

    /// <inheritdoc/>
    protected override async Task MigrateAloneAsync(CancellationToken cancellationToken)
    {
        // EF's own lock is a row, which stays behind when a migration is killed. The lock on this file does not, and whoever has it may remove that row.
        await using var held = await LockAsync(file + ".migration", cancellationToken);
        await using var db = new SqliteDb(options);
        using (Watch())
        {
            await db.Database.OpenConnectionAsync(cancellationToken);
            await using var command = db.Database.GetDbConnection().CreateCommand();
            command.CommandText = "PRAGMA journal_mode = WAL; DROP TABLE IF EXISTS \"__EFMigrationsLock\";";
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        await db.Database.MigrateAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override Db Open() => contexts.CreateDbContext();

    /// <inheritdoc/>
    public override IReadOnlyList<string> Migrations => KnownMigrations.Sqlite;

    protected override string HistoryTable => "SELECT name FROM sqlite_master WHERE type = 'table' AND name = '__EFMigrationsHistory'";

    protected override async Task<DbConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var connection = new SqliteConnection(ConnectionString(file));
        await connection.OpenAsync(cancellationToken);
        return connection;
    }

    /// <summary>Gives back the file.</summary>
    public void Dispose()
    {
        using (var connection = new SqliteConnection(ConnectionString(file)))
        {
            SqliteConnection.ClearPool(connection);
        }

        writer.Dispose();
    }

    // Waiting here is fair and immediate; SQLite itself only looks again every now and then.
    protected override async Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        await writer.WaitAsync(cancellationToken);
        return new Turn(writer);
    }

    protected override IDisposable Watch() => Watch($"the database {file}, which another process seems to have locked");

    protected override bool IsConflict(Exception exception) =>
        (exception as SqliteException ?? exception.InnerException as SqliteException) is { } sqlite
        && (sqlite.SqliteErrorCode == Busy || sqlite.SqliteExtendedErrorCode == BusySnapshot);

    // The time-out is what a statement waits for a lock that another process holds, a backup for example.
    private static string ConnectionString(string file) => new SqliteConnectionStringBuilder { DataSource = file, DefaultTimeout = 30, Pooling = true }.ToString();

    private async Task<FileStream> LockAsync(string path, CancellationToken cancellationToken)
    {
        using var watch = Watch($"another server, which changes the tables of the database {file}");
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException held) when (held.HResult == HeldByAnother && !cancellationToken.IsCancellationRequested)
            {
                // Another server migrates.
                await Task.Delay(TimeSpan.FromMilliseconds(100), time, cancellationToken);
            }
        }
    }

    private ITimer Watch(string what) => time.CreateTimer(_ => Say(what), null, Patience, Timeout.InfiniteTimeSpan);

    // Whoever waits for a lock tries anew every now and then, and others wait behind: it is one thing that they wait for.
    private void Say(string what)
    {
        lock (gate)
        {
            if (said.TryGetValue(what, out var at) && time.GetElapsedTime(at) < BetweenWords)
            {
                return;
            }

            said[what] = time.GetTimestamp();
        }

        SayWaits(what);
    }

    private sealed class Turn(SemaphoreSlim writer) : IDisposable
    {
        public void Dispose() => writer.Release();
    }

    /// <summary>A commit is on the disk before it is answered, also when the power goes.</summary>
    private sealed class DurableConnections : DbConnectionInterceptor
    {
        public static DurableConnections Instance { get; } = new();

        public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
        {
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA synchronous = FULL;";
            command.ExecuteNonQuery();
        }

        public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA synchronous = FULL;";
            await command.ExecuteNonQueryAsync(cancellationToken);
        }
    }
}
