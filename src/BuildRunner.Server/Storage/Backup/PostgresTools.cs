using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace BuildRunner.Server.Storage.Backup;

/// <summary>PostgreSQL's own programs for backups. The password goes by the environment, which other users cannot read.</summary>
internal static class PostgresTools
{
    /// <summary>Writes a dump of one moment.</summary>
    public static Task DumpAsync(string connection, string file, CancellationToken cancellationToken) =>
        RunAsync(connection, "pg_dump", ["--format=custom", "--no-owner", "--no-privileges", $"--file={file}"], cancellationToken);

    /// <summary>Restores a dump into an empty database, whole or not at all.</summary>
    public static async Task RestoreAsync(string connection, string file, CancellationToken cancellationToken)
    {
        await using (var source = NpgsqlDataSource.Create(connection))
        {
            await using var tables = source.CreateCommand("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()");
            if (await tables.ExecuteScalarAsync(cancellationToken) is not 0L)
            {
                throw new BackupException("the database is not empty; make an empty one, and name it in Database:ConnectionString");
            }
        }

        await RunAsync(connection, "pg_restore", ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", $"--dbname={new NpgsqlConnectionStringBuilder(connection).Database}", file], cancellationToken);
    }

    private static async Task RunAsync(string connection, string program, string[] arguments, CancellationToken cancellationToken)
    {
        var settings = new NpgsqlConnectionStringBuilder(connection);
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true };
        start.Environment["PGHOST"] = settings.Host;
        start.Environment["PGPORT"] = settings.Port.ToString(CultureInfo.InvariantCulture);
        start.Environment["PGUSER"] = settings.Username;
        start.Environment["PGPASSWORD"] = settings.Password;
        start.Environment["PGDATABASE"] = settings.Database;
        start.Environment["PGCONNECT_TIMEOUT"] = "20";
        try
        {
            using var process = Process.Start(start)!;
            var error = await process.StandardError.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            if (process.ExitCode != 0)
            {
                throw new BackupException($"{program} did not succeed: {error.Trim()}");
            }
        }
        catch (Win32Exception e)
        {
            throw new BackupException($"{program} is not on this machine; install PostgreSQL's client programs (Debian: postgresql-client) of the server's version", e);
        }
    }
}
