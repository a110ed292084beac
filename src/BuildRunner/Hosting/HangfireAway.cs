using BuildRunner.Server.Hosting;
using Serilog.Core;
using Serilog.Events;
using Serilog.Parsing;

namespace BuildRunner.Hosting;

/// <summary>What Hangfire says while the database is away, as a line: it tells of each of its processes, after each pause, with where in it that happened.</summary>
internal static class HangfireAway
{
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

    /// <summary>What makes two events the same trouble: of this line that it is the line, however the database shows that it is away.</summary>
    public static bool IsLine(LogEvent said) => said.MessageTemplate == Line;

    // Apart, because it loads what speaks to databases: an agent has none.
    private static string? WhyNotNow(Exception problem) => Faults.WhyNotNow(problem);

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
