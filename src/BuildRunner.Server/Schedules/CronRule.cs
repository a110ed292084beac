using System.Diagnostics.CodeAnalysis;
using Cronos;

namespace BuildRunner.Server.Schedules;

/// <summary>
/// When a schedule is due: a cron expression in a time zone. Five fields (minute, hour, day, month, weekday), six with seconds first, or a word:
/// <c>@hourly</c>, <c>@daily</c>, <c>@weekly</c>, <c>@monthly</c>, <c>@yearly</c>, <c>@every_minute</c>.
/// </summary>
/// <remarks>
/// Summer time: a time of day that a night skips is due at the moment at which the clock jumps. A time of day that a night has twice is due once, at the
/// first of the two; a rule that repeats (<c>*</c>, <c>*/15</c>, <c>1-5</c> in hours, minutes or seconds) is due in both.
/// </remarks>
internal sealed class CronRule
{
    private const int MaxLength = 256;
    private const int OccurrencesLookedAt = 1000;
    private readonly CronExpression expression;

    private CronRule(CronExpression expression, TimeZoneInfo zone)
    {
        this.expression = expression;
        Zone = zone;
    }

    /// <summary>The time zone.</summary>
    public TimeZoneInfo Zone { get; }

    /// <summary>Reads a rule.</summary>
    /// <param name="cron">The expression.</param>
    /// <param name="zone">A name of the IANA database: <c>Europe/Berlin</c>; null or empty: UTC.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="problem">What is wrong, and what to write.</param>
    public static bool TryParse(string? cron, string? zone, [NotNullWhen(true)] out CronRule? rule, [NotNullWhen(false)] out string? problem)
    {
        rule = null;
        var text = (cron ?? "").Trim();
        problem = WhyNoExpression(text);
        if (problem is not null || ReadExpression(text, out problem) is not { } expression || ReadZone(zone, out problem) is not { } known)
        {
            problem ??= "";
            return false;
        }
        rule = new(expression, known);
        problem = null;
        return true;
    }

    /// <summary>Why a rule is not allowed, from a moment on: it is never due, or too often.</summary>
    /// <param name="from">The moment.</param>
    /// <param name="minInterval">The shortest time that may be between two occurrences.</param>
    /// <returns>A sentence; null if it is allowed.</returns>
    public string? WhyNot(DateTimeOffset from, TimeSpan minInterval)
    {
        DateTimeOffset? last = null;
        foreach (var at in After(from).Take(OccurrencesLookedAt))
        {
            if (at - last < minInterval)
                return $"it is due more often than every {minInterval.TotalSeconds:0} s, which is the setting Schedules:MinInterval";
            last = at;
        }
        return last is null ? "it is never due" : null;
    }

    /// <summary>The occurrences after a moment, in order; ends if there are no more.</summary>
    public IEnumerable<DateTimeOffset> After(DateTimeOffset from)
    {
        for (var at = expression.GetNextOccurrence(from.ToUniversalTime(), Zone); at is { } due; at = expression.GetNextOccurrence(due, Zone))
            yield return due;
    }

    /// <summary>The expression as it is understood.</summary>
    public override string ToString() => expression.ToString();

    private static string? WhyNoExpression(string text) => text switch
    {
        "" => "the cron expression is empty; write for example '0 2 * * *' for two o'clock each night",
        { Length: > MaxLength } => $"the cron expression is longer than {MaxLength} characters",
        ['@', 'e', 'v', 'e', 'r', 'y', ' ', ..] => "'@every' has no fixed times; write for example '*/5 * * * *' for every five minutes",
        _ => null,
    };

    private static CronExpression? ReadExpression(string text, out string? problem)
    {
        problem = null;
        var fields = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        if (text[0] != '@' && fields is not (5 or 6))
        {
            problem = $"the cron expression '{text}' has {fields} fields; it needs five (minute, hour, day, month, weekday), or six with seconds first";
            return null;
        }
        try
        {
            return CronExpression.Parse(text, fields == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);
        }
        catch (CronFormatException e)
        {
            problem = $"the cron expression '{text}' cannot be read: {e.Message}";
            return null;
        }
    }

    private static TimeZoneInfo? ReadZone(string? zone, out string? problem)
    {
        problem = null;
        if (string.IsNullOrEmpty(zone))
            return TimeZoneInfo.Utc;
        if (TimeZoneInfo.TryFindSystemTimeZoneById(zone, out var known))
            return known;
        problem = $"the time zone '{zone}' is not known here; write a name such as Europe/Berlin, and install tzdata if this host has no time zones";
        return null;
    }
}
