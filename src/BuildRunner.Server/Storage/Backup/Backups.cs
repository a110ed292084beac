using BuildRunner.Core.Files;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Storage.Rows;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Storage.Backup;

/// <summary>Makes backups while the server runs, and restores them while it does not.</summary>
internal sealed class Backups(ServerOptions options, TimeProvider time)
{
    // Attempts of a time that is no more have lower fences: whatever an agent still says about them is refused.
    private const long FenceLeap = 1_000_000;

    private string Logs => Path.Combine(options.DataDirectory, "logs");

    /// <summary>Writes a backup. The database is of one moment; logs are of that moment or later, so nothing that it names is missing.</summary>
    /// <exception cref="BackupException">It cannot be made.</exception>
    public async Task WriteAsync(string path, Database database, CancellationToken cancellationToken)
    {
        var migration = (await database.ReadAsync(db => db.Database.GetAppliedMigrationsAsync(cancellationToken), cancellationToken)).LastOrDefault()
            ?? throw new BackupException("the database is empty: there is nothing to back up");
        var manifest = new BackupManifest(1, AgentVersions.Server.ToString(3), database.Name, migration, time.GetUtcNow(), options.Keys.CurrentId);
        var copy = Path.Combine(options.DataDirectory, $"backup-{Guid.NewGuid():N}");
        try
        {
            PrivateFile.Make(copy);
            if (options.PostgreSql is { } connection)
            {
                await PostgresTools.DumpAsync(connection, copy, cancellationToken);
            }
            else
            {
                CopySqlite(database, copy);
            }

            await BackupFile.WriteAsync(path, manifest, copy, options.PostgreSql is null ? BackupFile.SqliteName : BackupFile.PostgresName, Logs, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SqliteException)
        {
            throw new BackupException($"the backup {path} cannot be written: {PathTrouble.OfFile(path, e)}", e);
        }
        finally
        {
            File.Delete(copy);
        }
    }

    /// <summary>Restores a backup into an empty data folder and database. No server may run on them.</summary>
    /// <exception cref="BackupException">It cannot be restored; nothing was changed.</exception>
    public async Task<BackupManifest> RestoreAsync(string path, CancellationToken cancellationToken)
    {
        if (File.Exists(DatabaseFile) || Directory.Exists(Logs))
        {
            throw new BackupException($"{options.DataDirectory} is in use: it holds a database or logs. Move them away, or name another folder with --data-dir");
        }

        if (!File.Exists(path))
        {
            throw new BackupException(Directory.Exists(path) ? $"{path} is a folder, not a backup" : $"there is no backup {path}");
        }

        var unpacked = Path.Combine(options.DataDirectory, $"restore-{Guid.NewGuid():N}");
        Directory.CreateDirectory(unpacked, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        try
        {
            var manifest = await BackupFile.ReadAsync(path, unpacked, cancellationToken);
            Check(manifest);
            await RestoreDatabaseAsync(unpacked, cancellationToken);
            if (Directory.Exists(Path.Combine(unpacked, "logs")))
            {
                Directory.Move(Path.Combine(unpacked, "logs"), Logs);
            }

            return manifest;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or SqliteException or System.Text.Json.JsonException or ArgumentException)
        {
            throw new BackupException($"{path} cannot be restored: {Why(e)}", e);
        }
        finally
        {
            Directory.Delete(unpacked, recursive: true);
        }
    }

    // What a library says of a file that something else wrote is of no use to whoever named the wrong file.
    private static string Why(Exception problem) => problem switch
    {
        EndOfStreamException or System.Text.Json.JsonException => $"{BackupFile.NotOurs}, or a part of one",
        InvalidDataException when !problem.Message.StartsWith(BackupFile.NotOurs, StringComparison.Ordinal) => $"{BackupFile.NotOurs}, or is damaged ({problem.Message.TrimEnd('.')})",
        _ => problem.Message,
    };

    private string DatabaseFile => Path.Combine(options.DataDirectory, BackupFile.SqliteName);

    private static void CopySqlite(Database database, string copy)
    {
        using var db = database.Open();
        var source = (SqliteConnection)db.Database.GetDbConnection();
        source.Open();
        using var target = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = copy, Pooling = false }.ToString());
        target.Open();
        source.BackupDatabase(target);
        using var plain = target.CreateCommand();

        // In one file, so that nothing beside it belongs to it.
        plain.CommandText = "PRAGMA journal_mode = DELETE;";
        plain.ExecuteNonQuery();
    }

    private void Check(BackupManifest manifest)
    {
        var wanted = options.PostgreSql is null ? "SQLite" : "PostgreSQL";
        if (manifest.Format != 1 || (Version.TryParse(manifest.Version, out var version) && version > AgentVersions.Server))
        {
            throw new BackupException($"the backup is of version {manifest.Version}, this is {AgentVersions.Server.ToString(3)}; restore it with that version or a later one");
        }

        if (manifest.Database != wanted)
        {
            throw new BackupException($"the backup is of {manifest.Database}; set Database:Provider to that, the settings say {wanted}");
        }
    }

    private async Task RestoreDatabaseAsync(string unpacked, CancellationToken cancellationToken)
    {
        if (options.PostgreSql is { } connection)
        {
            await PostgresTools.RestoreAsync(connection, Path.Combine(unpacked, BackupFile.PostgresName), cancellationToken);
        }
        else
        {
            var file = Path.Combine(unpacked, BackupFile.SqliteName);
            if (!File.Exists(file))
            {
                throw new BackupException("the backup holds no database");
            }

            CheckSqlite(file);
            File.Move(file, DatabaseFile);
        }

        var database = Hosting.ServerServices.OpenDatabase(options, time);
        using (database as IDisposable)
        {
            await database.MigrateAsync(cancellationToken);
            await database.WriteAsync(
                turn => turn.Db.Work.Where(w => w.State != WorkState.Done).ExecuteUpdateAsync(set => set.SetProperty(w => w.Fence, w => w.Fence + FenceLeap)),
                cancellationToken);
        }
    }

    private static void CheckSqlite(string file)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = file, Pooling = false }.ToString());
        connection.Open();
        using var check = connection.CreateCommand();
        check.CommandText = "PRAGMA integrity_check;";
        if (check.ExecuteScalar() as string is not "ok" and var problem)
        {
            throw new BackupException($"the database in the backup is damaged: {problem}");
        }
    }
}

/// <summary>A backup cannot be made or restored; the message says why and what to do.</summary>
public sealed class BackupException(string message, Exception? cause = null) : Exception(message, cause);
