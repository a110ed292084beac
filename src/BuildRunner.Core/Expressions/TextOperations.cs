using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace BuildRunner.Core.Expressions;

/// <summary>The string operations of substitutions. Each takes time linear in the value times the pattern.</summary>
internal static class TextOperations
{
    /// <summary>Does it. Null if the result would be longer than <see cref="TextTemplate.MaxLength"/>.</summary>
    public static string? Apply(TextOperation operation, string value, IReadOnlyList<string> arguments) => operation switch
    {
        TextOperation.Length => value.EnumerateRunes().Count().ToString(CultureInfo.InvariantCulture),
        TextOperation.LowerFirst => First(value, Rune.ToLowerInvariant),
        TextOperation.Lower => value.ToLowerInvariant(),
        TextOperation.UpperFirst => First(value, Rune.ToUpperInvariant),
        TextOperation.Upper => value.ToUpperInvariant(),
        TextOperation.Default => value.Length == 0 ? arguments[0] : value,
        TextOperation.Substring => Substring(value, arguments),
        TextOperation.TrimShortestPrefix => value[(ShellPattern.Parse(arguments[0]).PrefixLengths(value).Shortest ?? 0)..],
        TextOperation.TrimLongestPrefix => value[(ShellPattern.Parse(arguments[0]).PrefixLengths(value).Longest ?? 0)..],
        TextOperation.TrimShortestSuffix => value[..^(ShellPattern.Parse(arguments[0]).SuffixLengths(value).Shortest ?? 0)],
        TextOperation.TrimLongestSuffix => value[..^(ShellPattern.Parse(arguments[0]).SuffixLengths(value).Longest ?? 0)],
        TextOperation.ReplaceFirst => ReplaceAt(value, value.IndexOf(arguments[0], StringComparison.Ordinal), arguments),
        TextOperation.ReplaceAll => ReplaceAll(value, arguments),
        TextOperation.ReplacePrefix => ReplaceAt(value, value.StartsWith(arguments[0], StringComparison.Ordinal) ? 0 : -1, arguments),
        TextOperation.ReplaceSuffix => ReplaceAt(value, value.EndsWith(arguments[0], StringComparison.Ordinal) ? value.Length - arguments[0].Length : -1, arguments),
        _ => throw new UnreachableException(),
    };

    private static string First(string value, Func<Rune, Rune> change)
    {
        foreach (var rune in value.EnumerateRunes())
            return string.Concat(change(rune).ToString(), value.AsSpan(rune.Utf16SequenceLength));
        return value;
    }

    private static string ReplaceAt(string value, int index, IReadOnlyList<string> arguments) =>
        index < 0 || arguments[0].Length == 0 ? value : string.Concat(value.AsSpan(0, index), arguments[1], value.AsSpan(index + arguments[0].Length));

    private static string? ReplaceAll(string value, IReadOnlyList<string> arguments)
    {
        if (arguments[0].Length == 0)
            return value;
        long count = value.AsSpan().Count(arguments[0].AsSpan());
        return value.Length + (count * (arguments[1].Length - arguments[0].Length)) > TextTemplate.MaxLength
            ? null
            : value.Replace(arguments[0], arguments[1], StringComparison.Ordinal);
    }

    // As in Bash: a negative position counts from the end, a negative length leaves that much out at the end; what is no number leaves the value as it is.
    private static string Substring(string value, IReadOnlyList<string> arguments)
    {
        if (!int.TryParse(arguments[0].Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var position))
            return value;
        var length = int.MaxValue;
        if (arguments.Count > 1 && !int.TryParse(arguments[1].Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out length))
            return value;
        var runes = value.EnumerateRunes().ToArray();
        var start = Math.Clamp(position < 0 ? runes.Length + (long)position : position, 0, runes.Length);
        var end = length < 0 ? runes.Length + (long)length : Math.Min(start + length, runes.Length);
        if (end <= start)
            return "";
        return string.Concat(runes[(int)start..(int)end].Select(rune => rune.ToString()));
    }
}
