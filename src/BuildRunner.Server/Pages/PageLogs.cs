using System.Text;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Storage.Rows;

namespace BuildRunner.Server.Pages;

/// <summary>Logs as a page holds them from the beginning: the last lines, plain. A script takes over from there, or nobody does.</summary>
internal sealed class PageLogs(LogTexts texts)
{
    /// <summary>So many lines are in the page itself.</summary>
    public const int Kept = 1000;

    /// <summary>So many lines are in a failure box.</summary>
    public const int First = 8;

    private static readonly string[] Marks = ["error", "Error", "ERROR", "failed", "Failed", "FAILED", "FAIL:", "fatal:", "panic:", "Exception", "not ok ", "✗"];

    /// <summary>The last lines of a log.</summary>
    public async Task<(List<LogEntry> Lines, string? Missing)> TailAsync(RunRow run, WantedLog wanted, int most, CancellationToken cancellationToken)
    {
        var found = await texts.FindAsync(run, wanted, cancellationToken);
        var lines = new List<LogEntry>();
        if (found.Key is { } key)
        {
            var from = await texts.TailAsync(key, most, cancellationToken);
            await foreach (var (line, _) in texts.LinesAsync(key, from, follow: false, cancellationToken))
            {
                lines.Add(line);
            }
        }

        return (lines, found.Missing);
    }

    /// <summary>What says most about why a step failed: from the first line that names an error on, or else the last lines.</summary>
    public static List<LogEntry> Telling(List<LogEntry> tail)
    {
        var at = tail.FindIndex(line => line.S != "sys" && TextOf(line) is var text && Marks.Any(mark => text.Contains(mark, StringComparison.Ordinal)));
        return at < 0 ? [.. tail.TakeLast(First)] : [.. tail.Skip(at).Take(First)];
    }

    /// <summary>A line's text; what is no text is shown by replacement characters.</summary>
    public static string TextOf(LogEntry line) => line.Text ?? Encoding.UTF8.GetString(Convert.FromBase64String(line.Base64 ?? ""));

    /// <summary>What a terminal would show of a line in the end, without colours: for pages without a script.</summary>
    public static string PlainOf(LogEntry line)
    {
        var text = TextOf(line).TrimEnd('\r');
        text = text[(text.LastIndexOf('\r') + 1)..];
        if (!text.Any(char.IsControl))
        {
            return text;
        }

        var plain = new StringBuilder(text.Length);
        for (var at = 0; at < text.Length; at++)
        {
            if (text[at] == '\e')
            {
                at = EndOfSequence(text, at);
            }
            else if (text[at] == '\t' || !char.IsControl(text[at]))
            {
                plain.Append(text[at]);
            }
        }

        return plain.ToString();
    }

    // The last character of an escape sequence (ECMA-48) that begins here.
    private static int EndOfSequence(string text, int at)
    {
        if (at + 1 >= text.Length)
        {
            return at;
        }

        if (text[at + 1] == '[')
        {
            var end = text.AsSpan(at + 2).IndexOfAnyInRange('@', '~');
            return end < 0 ? text.Length : at + 2 + end;
        }

        if (text[at + 1] is ']' or 'P' or 'X' or '^' or '_')
        {
            var end = text.AsSpan(at + 2).IndexOfAny('\a', '\e');
            return end < 0 ? text.Length : text[at + 2 + end] == '\a' ? at + 2 + end : Math.Min(text.Length, at + 3 + end);
        }

        return at + 1;
    }
}
