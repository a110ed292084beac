using System.Buffers;
using System.Globalization;

namespace BuildRunner.Core.Pipelines.Yaml;

/// <summary>What plain scalars mean: the core schema of YAML 1.2, and the booleans of YAML 1.1 where a boolean is expected.</summary>
internal static class YamlScalars
{
    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789+-.eE");
    private static readonly HashSet<string> True = new(["true", "yes", "on", "y"], StringComparer.OrdinalIgnoreCase);
    private static readonly HashSet<string> False = new(["false", "no", "off", "n"], StringComparer.OrdinalIgnoreCase);

    /// <summary>True for the ways to write nothing.</summary>
    public static bool IsNull(string text) => text is "" or "~" or "null" or "Null" or "NULL";

    /// <summary>A boolean where one is expected; YAML 1.1's <c>yes</c>, <c>no</c>, <c>on</c>, <c>off</c> count.</summary>
    public static bool? ToBoolean(string text) => True.Contains(text) ? true : False.Contains(text) ? false : null;

    /// <summary>A boolean where anything may stand; only YAML 1.2's <c>true</c> and <c>false</c> count.</summary>
    public static bool? ToCoreBoolean(string text) => text switch
    {
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        _ => null,
    };

    /// <summary>The JSON form of a plain number; null if the text is no number.</summary>
    public static string? ToJsonNumber(string text)
    {
        if (text.Length is 0 or > 64 || !(char.IsAsciiDigit(text[0]) || text[0] is '-' or '+' or '.'))
            return null;
        if (Prefixed(text) is { } integer)
            return integer.ToString(CultureInfo.InvariantCulture);
        if (text.AsSpan().ContainsAnyExcept(NumberCharacters) || !text.AsSpan().ContainsAnyInRange('0', '9'))
            return null;
        if (IsJsonNumber(text))
            return text;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number.ToString("R", CultureInfo.InvariantCulture)
            : null;
    }

    private static long? Prefixed(string text)
    {
        if (text.StartsWith("0x", StringComparison.Ordinal)
            && long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex))
            return hex;
        if (!text.StartsWith("0o", StringComparison.Ordinal) || text.Length is < 3 or > 20)
            return null;
        long octal = 0;
        foreach (var digit in text.AsSpan(2))
        {
            if (digit is < '0' or > '7')
                return null;
            octal = (octal << 3) | (uint)(digit - '0');
        }
        return octal;
    }

    // RFC 8259 section 6.
    private static bool IsJsonNumber(string text)
    {
        var at = text[0] == '-' ? 1 : 0;
        var digits = Digits(text, ref at);
        if (digits == 0 || (digits > 1 && text[at - digits] == '0'))
            return false;
        if (at < text.Length && text[at] == '.')
        {
            at++;
            if (Digits(text, ref at) == 0)
                return false;
        }
        if (at < text.Length && text[at] is 'e' or 'E')
        {
            at++;
            if (at < text.Length && text[at] is '+' or '-')
                at++;
            if (Digits(text, ref at) == 0)
                return false;
        }
        return at == text.Length;
    }

    private static int Digits(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
            at++;
        return at - start;
    }
}
