using BuildRunner.Server.Storage;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace BuildRunner.Server.Tests.Storage;

public sealed class Migrations_of_both
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
}
