using System.Globalization;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>Lengths of time and sizes as people write them.</summary>
internal static class Durations
{
    /// <summary>Least: one millisecond.</summary>
    public static readonly TimeSpan Min = TimeSpan.FromMilliseconds(1);

    /// <summary>Greatest: 49 days. Timers take no more, and whoever sets one by a pipeline must not fail at it.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromDays(49);

    /// <summary>Reads <c>90s</c>, <c>1h30m</c>, <c>1.5h</c>, <c>250ms</c>, <c>7d</c>; null if it is none or outside <see cref="Min"/> to <see cref="Max"/>.</summary>
    public static TimeSpan? Parse(string text)
    {
        if (text.Length is 0 or > 40)
            return null;
        var total = 0.0;
        var at = 0;
        while (at < text.Length)
        {
            var start = at;
            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] == '.'))
                at++;
            if (!double.TryParse(text.AsSpan(start, at - start), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
                return null;
            start = at;
            while (at < text.Length && char.IsAsciiLetterLower(text[at]))
                at++;
            if (Milliseconds(text.AsSpan(start, at - start)) is not { } unit)
                return null;
            total += number * unit;
        }
        return total >= Min.TotalMilliseconds && total <= Max.TotalMilliseconds ? TimeSpan.FromMilliseconds(total) : null;
    }

    private static double? Milliseconds(ReadOnlySpan<char> unit) => unit switch
    {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => null,
    };
}

/// <summary>Numbers of bytes as people write them.</summary>
internal static class Sizes
{
    /// <summary>Reads <c>512m</c>, <c>2g</c>, <c>64KiB</c>, <c>1048576</c>; units count in steps of 1024, as in Docker. Null if it is none, or is zero.</summary>
    public static long? Parse(string text)
    {
        var digits = text.AsSpan().TrimEnd("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        var unit = text[digits.Length..].ToLowerInvariant();
        double? factor = unit switch
        {
            "" or "b" => 1,
            "k" or "kb" or "kib" => 1L << 10,
            "m" or "mb" or "mib" => 1L << 20,
            "g" or "gb" or "gib" => 1L << 30,
            "t" or "tb" or "tib" => 1L << 40,
            _ => null,
        };
        if (factor is null || !double.TryParse(digits.TrimEnd(' '), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            return null;
        var bytes = number * factor.Value;
        return bytes is >= 1 and <= 1L << 60 ? (long)bytes : null;
    }
}
