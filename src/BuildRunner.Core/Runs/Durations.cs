using System.Globalization;

namespace BuildRunner.Core.Runs;

/// <summary>Durations as people read them: <c>0.8s</c>, <c>1m 26s</c>, <c>2h 03m</c>.</summary>
public static class Durations
{
    /// <summary>The text for a duration; negative ones count as zero.</summary>
    public static string Text(TimeSpan duration)
    {
        var tenths = Math.Max(0, Math.Round(duration.TotalSeconds * 10, MidpointRounding.AwayFromZero));
        if (tenths < 600)
        {
            return (tenths / 10).ToString("0.0", CultureInfo.InvariantCulture) + "s";
        }

        var seconds = (long)Math.Floor(duration.TotalSeconds + 0.5);
        return seconds < 3600
            ? $"{seconds / 60}m {seconds % 60:00}s"
            : $"{seconds / 3600}h {seconds % 3600 / 60:00}m";
    }
}
