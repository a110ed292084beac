namespace BuildRunner.Cli.Images;

/// <summary>Sizes and ages for people.</summary>
internal static class SizeText
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"];

    /// <summary><c>7.3 MiB</c>: three digits are enough.</summary>
    public static string Of(long bytes)
    {
        var value = (double)bytes;
        var unit = 0;
        for (; value >= 1000 && unit < Units.Length - 1; unit++)
        {
            value /= 1024;
        }

        return unit == 0 ? $"{bytes} B" : $"{value.ToString(value < 10 ? "F1" : "F0")} {Units[unit]}";
    }

    /// <summary><c>5 minutes</c>: the largest unit of which there are two, or the smallest.</summary>
    public static string Of(TimeSpan age) => age.TotalDays switch
    {
        >= 730 => $"{(int)(age.TotalDays / 365)} years",
        >= 60 => $"{(int)(age.TotalDays / 30)} months",
        >= 2 => $"{(int)age.TotalDays} days",
        _ when age.TotalHours >= 2 => $"{(int)age.TotalHours} hours",
        _ when age.TotalMinutes >= 2 => $"{(int)age.TotalMinutes} minutes",
        _ when age.TotalSeconds is >= 1 and < 2 => "1 second",
        _ => $"{Math.Max(0, (int)age.TotalSeconds)} seconds",
    };
}
