using System.Globalization;

namespace BuildRunner.Settings;

/// <summary>Reads the forms of values: durations, sizes, numbers, flags, lists.</summary>
internal static class SettingText
{
    private static readonly (string Suffix, long Factor)[] Sizes =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("B", 1),
    ];

    /// <summary>What is wrong with a value, as a clause, or null if nothing is.</summary>
    public static string? ProblemWith(SettingKey key, string text) => key.Kind switch
    {
        _ when key.Choices.Count > 0 && !key.Choices.Contains(text, StringComparer.OrdinalIgnoreCase) => $"takes {string.Join(", ", key.Choices)}",
        _ when key.IsPath && text.Length == 0 => "takes a path",
        SettingKind.Flag when !bool.TryParse(text, out _) => "takes true or false",
        SettingKind.Number when !TryNumber(text, out _) => "takes a number that is not negative",
        SettingKind.Duration when !TryDuration(text, out _) => "takes a time: 90s, 10m, 2h, 1d or 00:10:00",
        SettingKind.Size when !TrySize(text, out _) => "takes a size: 512MiB, 2GiB or a number of bytes",
        _ => null,
    };

    public static bool TryNumber(string text, out double number) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number) && double.IsFinite(number);

    public static bool TryDuration(string text, out TimeSpan duration)
    {
        duration = default;
        if (text.Contains(':'))
        {
            return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out duration) && duration >= TimeSpan.Zero;
        }

        var unit = text.EndsWith("ms", StringComparison.Ordinal) ? 1 : text.Length == 0 ? 0 : text[^1] switch { 's' => 1_000, 'm' => 60_000, 'h' => 3_600_000, 'd' => 86_400_000, _ => 0 };
        var digits = text[..^Math.Min(text.Length, unit == 1 ? 2 : 1)];
        if (unit == 0 || !TryNumber(digits, out var number) || number * unit > TimeSpan.MaxValue.TotalMilliseconds / 2)
        {
            return false;
        }

        duration = TimeSpan.FromMilliseconds(number * unit);
        return true;
    }

    public static bool TrySize(string text, out long bytes)
    {
        bytes = 0;
        var (digits, factor) = (text, 1L);
        foreach (var (suffix, value) in Sizes)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal))
            {
                (digits, factor) = (text[..^suffix.Length].TrimEnd(), value);
                break;
            }
        }

        if (!TryNumber(digits, out var number) || number * factor > long.MaxValue / 2)
        {
            return false;
        }

        bytes = (long)(number * factor);
        return true;
    }

    public static IReadOnlyList<string> List(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
}
