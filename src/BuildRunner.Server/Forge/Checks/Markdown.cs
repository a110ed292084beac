using System.Globalization;
using System.Text;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>Markdown as GitHub reads it, made of texts that anybody may have written: they show as they are, and format, link and mention nothing.</summary>
internal static class Markdown
{
    private const string Special = "\\`*_{}[]()#+-.!|~>:";

    /// <summary>A text within a line or a cell of a table.</summary>
    public static string Inline(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var result = new StringBuilder(text.Length + 16);
        foreach (var rune in text.EnumerateRunes())
        {
            if (rune.Value is '\r' or '\n' or '\t')
                result.Append(' ');
            else if (rune.Value is '<' or '>' or '&' or '@')
                result.Append(CultureInfo.InvariantCulture, $"&#{rune.Value};");
            else if (IsShown(rune))
                Append(result, rune);
        }
        return result.ToString();
    }

    /// <summary>Lines as they are, in a box that nothing in them can close.</summary>
    public static string Box(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var shown = new StringBuilder(text.Length);
        foreach (var rune in Plain(text).EnumerateRunes())
        {
            if (rune.Value is '\n' or '\t' || IsShown(rune))
                shown.Append(rune);
        }
        var fence = new string('`', Math.Max(3, LongestRun(shown) + 1));
        return $"{fence}text\n{shown.ToString().TrimEnd('\n')}\n{fence}\n";
    }

    /// <summary>A link; what cannot be one stays text.</summary>
    public static string Link(string text, Uri target) => $"[{Inline(text)}](<{target.AbsoluteUri.Replace(">", "%3E", StringComparison.Ordinal)}>)";

    /// <summary>The start of a text that fits in a number of bytes of UTF-8, cut between characters.</summary>
    public static string Cut(string text, int bytes)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (Encoding.UTF8.GetByteCount(text) <= bytes)
            return text;
        const string mark = "…";
        var (length, used) = (0, Encoding.UTF8.GetByteCount(mark));
        foreach (var rune in text.EnumerateRunes())
        {
            used += rune.Utf8SequenceLength;
            if (used > bytes)
                break;
            length += rune.Utf16SequenceLength;
        }
        return text[..length] + mark;
    }

    private static void Append(StringBuilder result, Rune rune)
    {
        if (rune.IsAscii && Special.Contains((char)rune.Value, StringComparison.Ordinal))
            result.Append('\\');
        result.Append(rune);
    }

    /// <summary>Whether a character shows, and shows only itself: control characters do not, nor those that turn the direction of text round. A line must not look like another.</summary>
    public static bool IsShown(Rune rune) => Rune.GetUnicodeCategory(rune) is not (UnicodeCategory.Control or UnicodeCategory.Format) || rune.Value == 0x200D;

    // Escape sequences of terminals go as a whole, not only their first character.
    private static string Plain(string text)
    {
        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\e')
                i = EndOfSequence(text, i);
            else
                result.Append(text[i]);
        }
        return result.ToString();
    }

    private static int EndOfSequence(string text, int escape)
    {
        var i = escape + 1;
        if (i >= text.Length || text[i] is not ('[' or ']'))
            return Math.Min(i, text.Length - 1);
        var operating = text[i] == ']';
        for (i++; i < text.Length && text[i] != '\n'; i++)
        {
            if (operating ? text[i] is '\a' or '\\' : text[i] is >= '@' and <= '~')
                return i;
        }
        return i - 1;
    }

    private static int LongestRun(StringBuilder text)
    {
        var (longest, run) = (0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            run = text[i] == '`' ? run + 1 : 0;
            longest = Math.Max(longest, run);
        }
        return longest;
    }
}
