using System.Data.Common;
using System.Net.Sockets;
using Microsoft.Data.Sqlite;

namespace BuildRunner.Hosting;

/// <summary>Tells a database that is away, locked up or broken from a defect of ours.</summary>
internal static class DatabaseTrouble
{
    // SQLite's code for what another process has locked.
    private const int Busy = 5;

    // SQLite's codes: read-only, disk, damaged, full, cannot be opened, is no database.
    private static readonly int[] Broken = [8, 10, 11, 13, 14, 26];

    // PostgreSQL's: connection, wrong password or user, no such database, no right, not ready or ending, too many.
    private static readonly string[] Away = ["08", "28", "3D", "42501", "57P", "53"];

    /// <summary>What is wrong, and where to look; null: it is something else.</summary>
    public static string? Of(Exception problem)
    {
        for (var at = problem; at is not null; at = at.InnerException)
        {
            if (at is SqliteException { SqliteErrorCode: Busy })
            {
                return "the database cannot be used: another process has had it locked for too long. It is buildrunner.db in the data directory (--data-dir, Server:DataDir); end what uses it, a tool for databases for instance, and start again";
            }

            if (at is SqliteException sqlite && Broken.Contains(sqlite.SqliteErrorCode))
            {
                return $"the database cannot be used: {sqlite.Message} It is buildrunner.db in the data directory (--data-dir, Server:DataDir); 'buildrunner db restore' puts a backup into an empty one";
            }

            if (at is DbException away && at is not SqliteException && IsAway(away))
            {
                return $"the database cannot be used: {away.Message.ReplaceLineEndings(" ")}; where it is and who signs in says Database:ConnectionString";
            }
        }

        return null;
    }

    private static bool IsAway(DbException problem) => problem.SqlState is { } state
        ? Away.Any(a => state.StartsWith(a, StringComparison.Ordinal))
        : problem.InnerException is SocketException or IOException or TimeoutException;
}
