using Microsoft.EntityFrameworkCore.Design;
using Npgsql;

namespace BuildRunner.Server.Storage;

/// <summary>For <c>dotnet ef migrations add</c>; connects to nothing.</summary>
internal sealed class SqliteDesign : IDesignTimeDbContextFactory<SqliteDb>
{
    public SqliteDb CreateDbContext(string[] args) => new(SqliteDatabase.Options("design.db"));
}

/// <summary>As <see cref="SqliteDesign"/>.</summary>
internal sealed class PgDesign : IDesignTimeDbContextFactory<PgDb>
{
    public PgDb CreateDbContext(string[] args) => new(PgDatabase.Options(NpgsqlDataSource.Create("Host=design")));
}
