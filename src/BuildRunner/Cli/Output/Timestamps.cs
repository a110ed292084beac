using System.Globalization;

namespace BuildRunner.Cli.Output;

/// <summary>The time before a line, if wanted (<c>--timestamps</c>).</summary>
/// <param name="Mode">How.</param>
/// <param name="Start">When the run began.</param>
/// <param name="Zone">For local times.</param>
internal sealed record Timestamps(TimestampMode Mode, DateTimeOffset Start, TimeZoneInfo Zone)
{
    /// <summary>The text; null if none is wanted.</summary>
    public string? Text(DateTimeOffset at) => Mode switch
    {
        TimestampMode.Elapsed => Elapsed(at - Start),
        TimestampMode.Utc => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture),
        TimestampMode.Local => TimeZoneInfo.ConvertTime(at, Zone).ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture),
        _ => null,
    };

    private static string Elapsed(TimeSpan span) =>
        string.Create(CultureInfo.InvariantCulture, $"{(int)span.TotalMinutes:00}:{Math.Max(0, span.Seconds):00}.{Math.Max(0, span.Milliseconds):000}");
}

/// <summary>How times are shown.</summary>
internal enum TimestampMode
{
    None,
    Elapsed,
    Utc,
    Local,
}
