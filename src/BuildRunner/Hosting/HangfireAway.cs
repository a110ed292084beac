using BuildRunner.Server.Hosting;
using Microsoft.Data.Sqlite;
using Npgsql;
using Serilog.Core;
using Serilog.Events;
using Serilog.Parsing;

namespace BuildRunner.Hosting;

/// <summary>What Hangfire says while the database is away, as a line: it tells of each of its processes, after each pause, with where in it that happened.</summary>
internal static class HangfireAway
{
    private const int SqliteIo = 10, SqliteFull = 13, SqliteCannotOpen = 14;

    private static readonly MessageTemplate Line = new MessageTemplateParser().Parse("what fires the schedules waits: {Why} ({Reason}); it is tried again");

    /// <summary>Returns the line in place of what Hangfire says of a database that is away, and everything else as it is.</summary>
    public static LogEvent Shorten(LogEvent said)
    {
        if (said is not { Exception: { } problem } || !said.Properties.TryGetValue(Constants.SourceContextPropertyName, out var source)
            || source is not ScalarValue { Value: string context } || !context.StartsWith("Hangfire", StringComparison.Ordinal) || WhyNotNow(problem) is not { } why)
        {
            return said;
        }

        return new LogEvent(said.Timestamp, said.Level, exception: null, Line, [new("Why", new ScalarValue(why)), new("Reason", new ScalarValue(ReasonOf(problem))), new(Constants.SourceContextPropertyName, source)]);
    }

    /// <summary>What makes two events the same trouble: of this line why the database is away, however it shows that; null: it is not this line.</summary>
    public static string? TroubleOf(LogEvent said) => said.MessageTemplate == Line ? $"{Line.Text} {said.Properties["Why"]}" : null;

    // Apart, because it loads what speaks to databases: an agent has none.
    private static string? WhyNotNow(Exception problem) => IsAway(problem) ? Faults.WhyNotNow(problem) ?? "the database does not answer" : null;

    // Not a deadlock, for instance, which is worth tries of its own to the database's client: where that happened matters.
    private static bool IsAway(Exception problem)
    {
        for (var at = problem; at is not null; at = at.InnerException)
        {
            if (at is PostgresException said)
            {
                // Connections, resources and what an administrator does; appendix A of PostgreSQL's manual.
                return said.SqlState is ['0', '8', ..] or ['5', '3', ..] or ['5', '7', 'P', ..];
            }

            if (at is NpgsqlException or SqliteException { SqliteErrorCode: SqliteIo or SqliteFull or SqliteCannotOpen })
            {
                return true;
            }
        }

        return false;
    }

    private static string ReasonOf(Exception problem)
    {
        var said = new List<string>();
        for (var at = problem; at is not null; at = at.InnerException)
        {
            said.Add(at.Message.ReplaceLineEndings(" ").TrimEnd('.', ' '));
        }

        return string.Join(": ", said.Distinct(StringComparer.Ordinal));
    }
}
