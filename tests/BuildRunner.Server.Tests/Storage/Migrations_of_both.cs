using BuildRunner.Server.Storage;
using BuildRunner.Testing;
using Microsoft.EntityFrameworkCore;
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

    private static async Task RaceAsync(IReadOnlyList<Database> all)
    {
        var cancel = TestContext.Current.CancellationToken;
        await Task.WhenAll(all.Select(d => Task.Run(() => d.MigrateAsync(cancel), cancel)));
        var applied = await all[0].ReadAsync(db => db.Database.GetAppliedMigrationsAsync(cancel), cancel);
        await using var one = all[0].Open();
        Assert.Equal(one.Database.GetMigrations(), applied);
        Assert.Empty(await all[^1].ReadAsync(db => db.Database.GetPendingMigrationsAsync(cancel), cancel));
    }
}
