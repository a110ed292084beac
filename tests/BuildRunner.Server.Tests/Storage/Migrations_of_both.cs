using BuildRunner.Server.Schedules;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Npgsql;

namespace BuildRunner.Server.Tests.Storage;

/// <summary>The tables of both databases, and how they come to be.</summary>
public sealed class Migrations_of_both(SharedServers servers)
{
    [Fact]
    public void Every_change_of_the_model_has_a_migration()
    {
        using var sqlite = new SqliteDb(SqliteDatabase.Options("unused.db"));
        using var source = NpgsqlDataSource.Create("Host=unused");
        using var postgres = new PgDb(PgDatabase.Options(source));
        Assert.False(sqlite.Database.HasPendingModelChanges());
        Assert.False(postgres.Database.HasPendingModelChanges());
    }

    /// <summary>Who adds a change of the tables writes its name into <see cref="KnownMigrations"/>: a server makes, and asks for, those that stand there.</summary>
    [Fact]
    public void Every_migration_is_known_by_its_name()
    {
        using var sqlite = new SqliteDb(SqliteDatabase.Options("unused.db"));
        using var source = NpgsqlDataSource.Create("Host=unused");
        using var postgres = new PgDb(PgDatabase.Options(source));
        Assert.Equal(sqlite.Database.GetMigrations(), KnownMigrations.Sqlite);
        Assert.Equal(postgres.Database.GetMigrations(), KnownMigrations.PostgreSql);
    }

    /// <summary>Who changes the model runs <c>eng/models.sh</c>.</summary>
    [Fact]
    public void The_ready_made_models_are_those_of_the_code()
    {
        using var source = NpgsqlDataSource.Create("Host=unused");
        using var sqlite = new SqliteDb(SqliteDatabase.Options("unused.db"));
        using var freshSqlite = new FreshDb(new DbContextOptionsBuilder<FreshDb>().UseSqlite("Data Source=unused.db").Options);
        using var postgres = new PgDb(PgDatabase.Options(source));
        using var freshPostgres = new FreshDb(new DbContextOptionsBuilder<FreshDb>().UseNpgsql(source).Options);
        Assert.Equal("SqliteDbModel", sqlite.Model.GetType().Name);
        Assert.Equal("PgDbModel", postgres.Model.GetType().Name);
        Assert.Equal(Text(freshSqlite), Text(sqlite));
        Assert.Equal(Text(freshPostgres), Text(postgres));
    }

    [Fact]
    public async Task Servers_that_bring_one_PostgreSQL_to_its_version_at_one_moment_do_it_once()
    {
        var connection = await servers.DatabaseAsync();
        var all = Enumerable.Range(0, 6).Select(_ => new PgDatabase(connection, clock: null)).ToList();
        await RaceAsync(all);
        all.ForEach(d => d.Dispose());
    }

    [Fact]
    public async Task Processes_that_bring_one_SQLite_file_to_its_version_at_one_moment_do_it_once()
    {
        using var folder = TestFolder.Create();
        var all = Enumerable.Range(0, 6).Select(_ => new SqliteDatabase(folder["one.db"], TimeProvider.System)).ToList();
        await RaceAsync(all);
        all.ForEach(d => d.Dispose());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_start_that_looked_ahead_brings_the_tables_to_their_version_and_asks_for_settings(bool postgres)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = TestFolder.Create();
        Database database = postgres ? new PgDatabase(await servers.DatabaseAsync(), clock: null) : new SqliteDatabase(folder["one.db"], TimeProvider.System);
        using var closing = (IDisposable)database;
        database.LookAhead();
        await database.MigrateAsync(cancel);
        Assert.Empty(await database.PendingAsync(cancel));
        Assert.Null(await database.SettingAsync("it's", cancel));
        await database.WriteAsync(turn => Task.FromResult(turn.Db.Add(new SettingRow { Key = "it's", Value = "kept" })), cancel);
        Assert.Equal("kept", await database.SettingAsync("it's", cancel));
        Assert.Null(await database.SettingAsync("its", cancel));
        database.LookAhead();
        await database.MigrateAsync(cancel);
    }

    /// <summary>What was found out ahead counts once: whoever tries again asks again.</summary>
    [Fact]
    public async Task A_look_ahead_at_a_database_that_is_away_fails_the_start_that_waits_for_it_and_not_the_next()
    {
        var cancel = TestContext.Current.CancellationToken;
        using var folder = TestFolder.Create();
        using var database = new SqliteDatabase(folder["not-yet/one.db"], TimeProvider.System);
        database.LookAhead();
        await Assert.ThrowsAsync<SqliteException>(() => database.MigrateAsync(cancel));
        Directory.CreateDirectory(folder["not-yet"]);
        await database.MigrateAsync(cancel);
        Assert.Empty(await database.PendingAsync(cancel));
    }

    /// <summary>Its installer runs all scripts that it ever had, and each of those that are in force already ends in an error.</summary>
    [Fact]
    public async Task Hangfires_tables_are_made_once_and_only_looked_at_from_then_on()
    {
        var connection = await servers.DatabaseAsync();
        await using var source = NpgsqlDataSource.Create(connection);
        await using var look = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        Assert.False(HangfireServices.IsCurrent(look, "hangfire"));
        Assert.True(HangfireServices.TryPrepareTables(connection, "hangfire"));
        Assert.True(HangfireServices.IsCurrent(look, "hangfire"));
        await using var older = new NpgsqlCommand("UPDATE hangfire.schema SET version = version - 1", look);
        await older.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        Assert.False(HangfireServices.IsCurrent(look, "hangfire"));
    }

    private static async Task RaceAsync(IReadOnlyList<Database> all)
    {
        var cancel = TestContext.Current.CancellationToken;
        await Task.WhenAll(all.Select(d => Task.Run(() => d.MigrateAsync(cancel), cancel)));
        var applied = await all[0].ReadAsync(db => db.Database.GetAppliedMigrationsAsync(cancel), cancel);
        await using var one = all[0].Open();
        Assert.Equal(one.Database.GetMigrations(), applied);
        Assert.Empty(await all[^1].ReadAsync(db => db.Database.GetPendingMigrationsAsync(cancel), cancel));
    }

    private static string Text(Db db) => db.Model.ToDebugString(MetadataDebugStringOptions.LongDefault).Replace(nameof(FreshDb), "", StringComparison.Ordinal);

    // No ready-made model is of this type: it is made of the code.
    private sealed class FreshDb(DbContextOptions<FreshDb> options) : Db(options);
}
