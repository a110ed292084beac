using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Spectre.Console;

namespace BuildRunner.Cli.Output;

/// <summary>Text measured in terminal cells: a letter is one wide, an ideograph two, an accent none.</summary>
internal static class CellText
{
    private const int TabStop = 8;

    /// <summary>Cells that the text takes.</summary>
    public static int Width(string text) => System.Text.Ascii.IsValid(text) || text.All(IsNarrow) ? text.Length : Measured(text);

    /// <summary>The text, padded to a width; a longer one stays as it is.</summary>
    public static string Pad(string text, int width) => text + new string(' ', Math.Max(0, width - Width(text)));

    /// <summary>The text, padded on its left.</summary>
    public static string PadLeft(string text, int width) => new string(' ', Math.Max(0, width - Width(text))) + text;

    /// <summary>The text, cut to a width if it is longer, with a mark where it was cut.</summary>
    public static string Fit(string text, int width, string mark)
    {
        if (Width(text) <= width)
        {
            return text;
        }

        var room = width - Width(mark);
        if (room <= 0)
        {
            return "";
        }

        var fitting = new StringBuilder();
        var elements = StringInfo.GetTextElementEnumerator(text);
        while (elements.MoveNext() && Width(elements.GetTextElement()) is var cells && cells <= room)
        {
            fitting.Append(elements.GetTextElement());
            room -= cells;
        }

        return fitting.Append(mark).ToString();
    }

    /// <summary>A line of a step as one line of plain text: what a terminal would show in the end, without escape sequences, tabs as blanks.</summary>
    public static string Plain(ReadOnlySpan<byte> line)
    {
        using var buffer = new MemoryStream();
        var writer = new LineWriter(buffer);
        LogText.WriteSafe(writer, line, colour: false);
        writer.Flush();
        var text = Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
        return text.Contains('\t') ? Untabbed(text) : text;
    }

    // Letters of Europe, the lines that we draw with, and our signs.
    private static bool IsNarrow(char c) => c is (>= ' ' and < '\u0300' and not '\u00ad') or (>= '\u2500' and <= '\u257f') or '–' or '…' or '✓' or '✗' or '●' or '○' or '→';

    // Apart, so that the tables for it are loaded only when they are needed.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Measured(string text) => text.GetCellWidth();

    private static string Untabbed(string text)
    {
        var blanks = new StringBuilder();
        foreach (var c in text)
        {
            if (c == '\t')
            {
                blanks.Append(' ', TabStop - (blanks.Length % TabStop));
            }
            else
            {
                blanks.Append(c);
            }
        }

        return blanks.ToString();
    }
}
