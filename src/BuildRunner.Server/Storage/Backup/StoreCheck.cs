using System.Globalization;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Secrets;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Storage.Backup;

/// <summary>Looks whether database, logs and keys belong together. Changes nothing; the server may run meanwhile.</summary>
internal sealed class StoreCheck(ServerOptions options, Database database)
{
    private const int MostNamed = 5;

    /// <summary>What was looked at, and what is wrong with it.</summary>
    public async Task<IReadOnlyList<StoreFinding>> LookAsync(CancellationToken cancellationToken)
    {
        var pending = await database.PendingAsync(cancellationToken);
        if (pending.Count > 0)
        {
            return [new StoreFinding("tables", $"{Counts.Of(pending.Count, "change")} of them {(pending.Count == 1 ? "is" : "are")} missing ({string.Join(", ", pending)}); run: buildrunner db migrate")];
        }

        return
        [
            new StoreFinding("tables", null),
            new StoreFinding("database", await DatabaseAsync(cancellationToken)),
            new StoreFinding("logs", await LogsAsync(cancellationToken)),
            new StoreFinding("keys", await KeysAsync(cancellationToken)),
        ];
    }

    // PostgreSQL looks after its own pages.
    private Task<string?> DatabaseAsync(CancellationToken cancellationToken) => database.ReadAsync<string?>(
        async db =>
        {
            if (db.Database.GetDbConnection() is not SqliteConnection connection)
            {
                return null;
            }

            await connection.OpenAsync(cancellationToken);
            await using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA integrity_check;";
            var verdict = await command.ExecuteScalarAsync(cancellationToken) as string;
            if (verdict != "ok")
            {
                return $"it is damaged: {verdict}; restore a backup";
            }

            command.CommandText = "PRAGMA foreign_key_check;";
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            return await rows.ReadAsync(cancellationToken) ? $"a row of {rows.GetString(0)} names a row that is not there; restore a backup" : null;
        },
        cancellationToken);

    private async Task<string?> LogsAsync(CancellationToken cancellationToken)
    {
        var files = new Logs.LogFiles(Path.Combine(options.DataDirectory, "logs"), long.MaxValue);
        var wanting = new List<string>();
        var count = 0;
        await using var db = database.Open();
        await foreach (var stream in db.LogStreams.Where(s => s.Ended).AsAsyncEnumerable().WithCancellation(cancellationToken))
        {
            var length = files.LengthOf(stream.Run, stream.Work, stream.Stream);
            if (length < stream.Bytes)
            {
                count++;
                wanting.Add(string.Create(CultureInfo.InvariantCulture, $"{stream.Run:N}/{stream.Work:N}.{stream.Stream} has {length} of {stream.Bytes} bytes"));
            }
        }

        return count == 0 ? null : $"{count} {(count == 1 ? "is" : "are")} shorter than {(count == 1 ? "it was" : "they were")}: {string.Join("; ", wanting.Take(MostNamed))}{(count > MostNamed ? " …" : "")}";
    }

    private Task<string?> KeysAsync(CancellationToken cancellationToken) => database.ReadAsync<string?>(
        async db =>
        {
            var sealedBy = await db.Secrets.Select(s => s.KeyId).Distinct().ToListAsync(cancellationToken);
            var ofRepositories = await db.Repositories.Where(r => r.Credential != null).Select(r => r.Credential!).ToListAsync(cancellationToken);
            var app = await Forge.GitHubApps.KeyIdAsync(db, cancellationToken);
            var unknown = sealedBy.Concat(ofRepositories.Select(c => KeyRing.KeyIdOf(c))).Concat(app is null ? [] : [app]).Distinct().Where(id => !options.Keys.Knows(id)).ToList();
            return unknown.Count == 0 ? null : $"secrets were sealed with master keys that are not here ({string.Join(", ", unknown)}); add them to Secrets:PreviousKeys";
        },
        cancellationToken);
}

/// <summary>Something that was looked at.</summary>
/// <param name="What">One word.</param>
/// <param name="Problem">What is wrong and what to do; null: nothing is wrong.</param>
public sealed record StoreFinding(string What, string? Problem);
