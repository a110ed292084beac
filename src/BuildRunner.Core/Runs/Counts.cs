using System.Globalization;

namespace BuildRunner.Core.Runs;

/// <summary>Numbers of things, as people read them.</summary>
public static class Counts
{
    /// <summary><c>1 step</c>, <c>2 steps</c>.</summary>
    /// <param name="number">How many.</param>
    /// <param name="what">One of them; several have an <c>s</c> more.</param>
    public static string Of(long number, string what) => string.Create(CultureInfo.InvariantCulture, $"{number} {what}{(number == 1 ? "" : "s")}");
}
