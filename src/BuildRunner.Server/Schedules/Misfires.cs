namespace BuildRunner.Server.Schedules;

/// <summary>What happens to occurrences that nobody was there for.</summary>
public enum MisfireRule
{
    /// <summary>One run for all of them.</summary>
    Once,

    /// <summary>None.</summary>
    Skip,

    /// <summary>One run for each, of the latest only if they are many.</summary>
    All,
}

/// <summary>What a schedule has to do now.</summary>
/// <param name="Fire">The occurrences to start a run for, in order.</param>
/// <param name="Missed">How many occurrences get no run, at most <see cref="Misfires.MaxCounted"/>.</param>
/// <param name="HandledUpTo">Up to here nothing is left to do.</param>
/// <param name="Next">When it is due next; null: never again.</param>
internal sealed record DueOccurrences(IReadOnlyList<DateTimeOffset> Fire, int Missed, DateTimeOffset HandledUpTo, DateTimeOffset? Next);

/// <summary>Decides which occurrences start a run. Pure; asked again with its own answer it starts nothing twice.</summary>
internal static class Misfires
{
    /// <summary>Later than this, an occurrence was missed.</summary>
    public static readonly TimeSpan Lateness = TimeSpan.FromMinutes(1);

    /// <summary>Missed occurrences are counted up to here.</summary>
    public const int MaxCounted = 1000;

    private const int MaxCatchUp = 100;

    /// <summary>Decides.</summary>
    /// <param name="rule">When it is due.</param>
    /// <param name="handledUpTo">Up to here everything was done, or the moment at which the schedule was made or resumed.</param>
    /// <param name="now">The time.</param>
    /// <param name="misfire">What happens to those that were missed.</param>
    public static DueOccurrences At(CronRule rule, DateTimeOffset handledUpTo, DateTimeOffset now, MisfireRule misfire)
    {
        ArgumentNullException.ThrowIfNull(rule);
        var next = rule.After(handledUpTo > now ? handledUpTo : now).Select(at => (DateTimeOffset?)at).FirstOrDefault();
        var due = Latest(rule, handledUpTo, now);
        if (due.Count == 0)
            return new([], 0, handledUpTo, next);
        var onTime = due.Where(at => now - at <= Lateness).ToList();
        var late = due.Take(due.Count - onTime.Count).ToList();
        List<DateTimeOffset> fire = misfire switch
        {
            MisfireRule.All => [.. late.TakeLast(MaxCatchUp), .. onTime],
            MisfireRule.Once when onTime.Count == 0 => [late[^1]],
            _ => onTime,
        };
        return new(fire, Math.Min(due.Count - fire.Count, MaxCounted), due[^1], next);
    }

    // A rule that is due each second was due 31 million times in a year: look back further and further until there are enough.
    private static List<DateTimeOffset> Latest(CronRule rule, DateTimeOffset after, DateTimeOffset now)
    {
        for (var span = TimeSpan.FromMinutes(MaxCounted / 60.0); ; span *= 2)
        {
            var from = span < now - after ? now - span : after;
            var found = rule.After(from).TakeWhile(at => at <= now).ToList();
            if (from == after || found.Count >= MaxCounted)
                return found;
        }
    }
}
