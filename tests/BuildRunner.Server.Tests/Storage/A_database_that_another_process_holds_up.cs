using System.Collections.Concurrent;
using BuildRunner.Server.Storage;
using BuildRunner.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;

namespace BuildRunner.Server.Tests.Storage;

/// <summary>It is waited for, and after some seconds that is said.</summary>
public sealed class A_database_that_another_process_holds_up : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);
    private readonly TestFolder folder = TestFolder.Create();
    private readonly SqliteDatabase database;
    private readonly ConcurrentQueue<string> said = [];
    private readonly TaskCompletionSource waits = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public A_database_that_another_process_holds_up()
    {
        database = new SqliteDatabase(folder["one.db"], TimeProvider.System);
        database.Waits += what =>
        {
            said.Enqueue(what);
            waits.TrySetResult();
        };
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Who_writes_says_once_which_it_waits_for_and_goes_on_when_it_is_free()
    {
        await database.MigrateAsync(Cancel);
        await using var connection = await ConnectAsync();
        await using var other = connection.BeginTransaction();
        var writes = Enumerable.Range(0, 3).Select(i => Task.Run(() => database.WriteAsync(_ => Task.FromResult(i), Cancel), Cancel)).ToList();
        await waits.Task.WaitAsync(Limit, Cancel);
        Assert.All(writes, write => Assert.False(write.IsCompleted));
        await other.RollbackAsync(Cancel);
        var written = await Task.WhenAll(writes).WaitAsync(Limit, Cancel);
        Assert.Equal([0, 1, 2], written);
        Assert.Equal([$"the database {folder["one.db"]}, which another process seems to have locked"], said);
    }

    [Fact]
    public async Task Who_looks_at_a_database_that_nobody_else_may_read_says_it_too()
    {
        await using var connection = await ConnectAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "CREATE TABLE other (x); BEGIN EXCLUSIVE;";
        await command.ExecuteNonQueryAsync(Cancel);
        var looking = Task.Run(() => database.PendingAsync(Cancel), Cancel);
        await waits.Task.WaitAsync(Limit, Cancel);
        command.CommandText = "ROLLBACK;";
        await command.ExecuteNonQueryAsync(Cancel);
        Assert.Equal(database.Migrations, await looking.WaitAsync(Limit, Cancel));
    }

    [Fact]
    public async Task Who_waits_for_another_server_to_change_the_tables_says_so()
    {
        Task migrating;
        await using (new FileStream(folder["one.db.migration"], FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None))
        {
            migrating = database.MigrateAsync(Cancel);
            await waits.Task.WaitAsync(Limit, Cancel);
            Assert.False(migrating.IsCompleted);
        }

        await migrating.WaitAsync(Limit, Cancel);
        Assert.Equal([$"another server, which changes the tables of the database {folder["one.db"]}"], said);
    }

    [Fact]
    public async Task Where_nobody_else_has_it_nothing_is_said()
    {
        // A write may take its time, and a machine may stand still: this clock goes on only where the test says so.
        var time = new FakeTimeProvider();
        using var own = new SqliteDatabase(folder["own.db"], time);
        own.Waits += said.Enqueue;
        await own.MigrateAsync(Cancel);
        await own.WriteAsync(
            _ =>
            {
                time.Advance(Limit);
                return Task.CompletedTask;
            },
            Cancel);
        Assert.Empty(said);
    }

    public void Dispose()
    {
        database.Dispose();
        folder.Dispose();
    }

    private async Task<SqliteConnection> ConnectAsync()
    {
        var connection = new SqliteConnection($"Data Source={folder["one.db"]};Pooling=False");
        await connection.OpenAsync(Cancel);
        return connection;
    }
}
