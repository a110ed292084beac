using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;

namespace BuildRunner.Core.Logs;

/// <summary>The forms in which a secret may appear in an output.</summary>
internal static class SecretForms
{
    // Shorter values would hide half of the log and protect nothing; Woodpecker draws the line here too.
    private const int MinValue = 4;
    private const int MinLine = 4;
    private const int MinEncoded = 6;

    /// <summary>The value itself; as base64 at each of its three offsets, for URLs, JSON and a shell; and each line of it.</summary>
    public static IEnumerable<byte[]> Of(string value)
    {
        var trimmed = value.Trim();
        if (trimmed.Length < MinValue)
        {
            return [];
        }

        return new[] { value, trimmed }
            .SelectMany(Texts)
            .Concat(Lines(trimmed))
            .Distinct(StringComparer.Ordinal)
            .Select(Encoding.UTF8.GetBytes)
            .Concat(Base64(Encoding.UTF8.GetBytes(value)))
            .Concat(Base64(Encoding.UTF8.GetBytes(trimmed)))
            .Where(form => form.Length >= MinValue);
    }

    private static IEnumerable<string> Texts(string value)
    {
        yield return value;
        yield return value.Replace("\n", "\r\n", StringComparison.Ordinal);
        yield return Uri.EscapeDataString(value);
        yield return LowerEscapes(Uri.EscapeDataString(value));
        yield return Uri.EscapeDataString(value).Replace("%20", "+", StringComparison.Ordinal);
        yield return JavaScriptEncoder.Default.Encode(value);
        yield return JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(value);
        yield return value.Replace("'", "'\\''", StringComparison.Ordinal);
        yield return value.Replace("'", "'\"'\"'", StringComparison.Ordinal);
        yield return Backslashed(value, "\"$`\\");
        yield return Backslashed(value, " \"$`\\'&|;<>()*?[]#~=%!{}");
    }

    private static IEnumerable<string> Lines(string value) =>
        value.Split('\n').Select(l => l.Trim()).Where(l => l.Length >= MinLine).SelectMany(Texts);

    private static string Backslashed(string value, string special) =>
        string.Concat(value.Select(c => special.Contains(c, StringComparison.Ordinal) ? "\\" + c : c.ToString()));

    private static string LowerEscapes(string escaped)
    {
        var text = escaped.ToCharArray();
        for (var i = 0; i + 2 < text.Length; i++)
        {
            if (text[i] == '%')
            {
                text[i + 1] = char.ToLower(text[i + 1], CultureInfo.InvariantCulture);
                text[i + 2] = char.ToLower(text[i + 2], CultureInfo.InvariantCulture);
            }
        }

        return new string(text);
    }

    // Within a longer text the value begins at one of three places of a group of three bytes. Only the characters
    // that nothing but the value decides are looked for; whole, with its padding, the value is offset 0.
    private static IEnumerable<byte[]> Base64(byte[] value)
    {
        for (var offset = 0; offset < 3; offset++)
        {
            var encoded = Convert.ToBase64String([.. new byte[offset], .. value]);
            var from = ((offset * 8) + 5) / 6;
            var to = (offset + value.Length) * 8 / 6;
            if (to - from < MinEncoded)
            {
                continue;
            }

            var form = encoded[from..to];
            yield return Encoding.ASCII.GetBytes(form);
            yield return Encoding.ASCII.GetBytes(form.Replace('+', '-').Replace('/', '_'));
        }
    }
}
