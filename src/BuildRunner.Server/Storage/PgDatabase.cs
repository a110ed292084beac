using System.Data.Common;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Npgsql;

namespace BuildRunner.Server.Storage;

/// <summary>PostgreSQL: several servers may share it.</summary>
internal sealed class PgDatabase : Database, IDisposable
{
    /// <summary>Who changes tables holds this number in the database: EF's own lock is a table, which an empty database does not have.</summary>
    public const long MigrationLock = 0x4275_696C_6452_756E;

    // Statements that a connection has sent a few times are planned once. Whoever connects through something that hands on single transactions says "Max Auto Prepare=0".
    private const string AutoPrepare = "Max Auto Prepare";
    private const int MostPrepared = 200;

    private static readonly TimeSpan MigrationLimit = TimeSpan.FromMinutes(10);

    private readonly DbContextOptions<PgDb> options;
    private readonly PooledDbContextFactory<PgDb> contexts;
    private readonly NpgsqlDataSource source;
    private readonly TimeProvider? clock;

    /// <param name="connectionString">As Npgsql takes it.</param>
    /// <param name="clock">Replaces the database's clock in tests; null: the database's.</param>
    public PgDatabase(string connectionString, TimeProvider? clock)
    {
        source = NpgsqlDataSource.Create(Prepared(connectionString));
        options = Options(source);
        contexts = new PooledDbContextFactory<PgDb>(options);
        this.clock = clock;
    }

    /// <inheritdoc/>
    public override string Name => "PostgreSQL";

    /// <inheritdoc/>
    public override bool IsShared => true;

    /// <summary>Options for a data source.</summary>
    public static DbContextOptions<PgDb> Options(NpgsqlDataSource source) => new DbContextOptionsBuilder<PgDb>()
        .UseNpgsql(source)
        .UseQueryTrackingBehavior(QueryTrackingBehavior.NoTracking)
        .ConfigureWarnings(w => w.Ignore(RelationalEventId.PendingModelChangesWarning))
        .Options;

    /// <inheritdoc/>
    public override async Task<DateTimeOffset> NowAsync(Db db)
    {
        ArgumentNullException.ThrowIfNull(db);
        if (clock is not null)
        {
            return clock.GetUtcNow();
        }

        var milliseconds = await db.Database
            .SqlQuery<long>($"SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS \"Value\"")
            .SingleAsync();
        return DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
    }

    /// <inheritdoc/>
    public override IQueryable<RunRow> Held(Db db, Guid run, bool wait)
    {
        ArgumentNullException.ThrowIfNull(db);
        return wait
            ? db.Runs.FromSql($"SELECT * FROM runs WHERE id = {run} FOR UPDATE")
            : db.Runs.FromSql($"SELECT * FROM runs WHERE id = {run} FOR UPDATE SKIP LOCKED");
    }

    /// <inheritdoc/>
    public override IQueryable<AgentRow> HeldAgent(Db db, Guid agent)
    {
        ArgumentNullException.ThrowIfNull(db);
        return db.Agents.FromSql($"SELECT * FROM agents WHERE id = {agent} FOR UPDATE");
    }

    /// <inheritdoc/>
    protected override async Task MigrateAloneAsync(CancellationToken cancellationToken)
    {
        await using var db = new PgDb(options);
        db.Database.SetCommandTimeout(MigrationLimit);
        await db.Database.OpenConnectionAsync(cancellationToken);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_lock({MigrationLock})", cancellationToken);
        try
        {
            await db.Database.MigrateAsync(cancellationToken);
        }
        finally
        {
            await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_unlock({MigrationLock})", CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public override Db Open() => contexts.CreateDbContext();

    /// <inheritdoc/>
    public override IReadOnlyList<string> Migrations => KnownMigrations.PostgreSql;

    protected override string HistoryTable => """SELECT to_regclass('"__EFMigrationsHistory"')::text WHERE to_regclass('"__EFMigrationsHistory"') IS NOT NULL""";

    protected override async Task<DbConnection> ConnectAsync(CancellationToken cancellationToken) => await source.OpenConnectionAsync(cancellationToken);

    /// <summary>Closes the connections.</summary>
    public void Dispose() => source.Dispose();

    protected override Task<IDisposable> EnterAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult<IDisposable>(Anytime.Instance);
    }

    protected override bool IsConflict(Exception exception) =>
        (exception as PostgresException ?? exception.InnerException as PostgresException) is
        {
            SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected or PostgresErrorCodes.UniqueViolation
        };

    private static string Prepared(string connectionString)
    {
        var given = new DbConnectionStringBuilder { ConnectionString = connectionString };
        return given.ContainsKey(AutoPrepare) || given.ContainsKey(AutoPrepare.Replace(" ", "", StringComparison.Ordinal))
            ? connectionString
            : new NpgsqlConnectionStringBuilder(connectionString) { MaxAutoPrepare = MostPrepared }.ConnectionString;
    }

    private sealed class Anytime : IDisposable
    {
        public static Anytime Instance { get; } = new();

        public void Dispose()
        {
        }
    }
}
