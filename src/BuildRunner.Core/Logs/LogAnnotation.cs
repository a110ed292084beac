using System.Globalization;
using System.Text;

namespace BuildRunner.Core.Logs;

/// <summary>Something that a step says about a place in the source: a line <c>::error file=src/a.cs,line=41::text</c> of its output, as GitHub's runner takes it.</summary>
/// <param name="Kind">How bad it is.</param>
/// <param name="Message">What it says.</param>
/// <param name="File">The file's path as the step wrote it; null: none.</param>
/// <param name="Line">From 1; null: none.</param>
/// <param name="Column">From 1; null: none.</param>
/// <param name="Title">A title; null: none.</param>
public sealed record LogAnnotation(AnnotationKind Kind, string Message, string? File, int? Line, int? Column, string? Title)
{
    /// <summary>How many of a kind are taken of one step; GitHub takes as many.</summary>
    public const int Limit = 10;

    private const int MaxLength = 64 * 1024;

    /// <summary>Reads a line of output; null if it is no annotation. Never fails.</summary>
    public static LogAnnotation? Parse(ReadOnlySpan<byte> line)
    {
        line = line.TrimStart(" \t"u8);
        if (!line.StartsWith("::"u8) || line.Length > MaxLength)
            return null;
        var text = Encoding.UTF8.GetString(line[2..]);
        var end = text.IndexOf("::", StringComparison.Ordinal);
        if (end <= 0)
            return null;
        var head = text[..end].Split(' ', 2, StringSplitOptions.TrimEntries);
        AnnotationKind? kind = head[0] switch
        {
            "error" => AnnotationKind.Error,
            "warning" => AnnotationKind.Warning,
            "notice" => AnnotationKind.Notice,
            _ => null,
        };
        return kind is null ? null : Make(kind.Value, head.Length > 1 ? Properties(head[1]) : [], Unescape(text[(end + 2)..].TrimEnd()));
    }

    private static LogAnnotation Make(AnnotationKind kind, Dictionary<string, string> properties, string message) => new(
        kind,
        message,
        properties.GetValueOrDefault("file"),
        Number(properties.GetValueOrDefault("line")),
        Number(properties.GetValueOrDefault("col")),
        properties.GetValueOrDefault("title"));

    private static Dictionary<string, string> Properties(string text)
    {
        var properties = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var pair in text.Split(','))
        {
            if (pair.IndexOf('=') is > 0 and var at && pair[(at + 1)..].Trim() is { Length: > 0 } value)
                properties[pair[..at].Trim()] = Unescape(value.Replace("%3A", ":", StringComparison.OrdinalIgnoreCase).Replace("%2C", ",", StringComparison.OrdinalIgnoreCase));
        }
        return properties;
    }

    // The percent sign last, so that nothing is undone twice.
    private static string Unescape(string text) => text
        .Replace("%0D", "\r", StringComparison.OrdinalIgnoreCase)
        .Replace("%0A", "\n", StringComparison.OrdinalIgnoreCase)
        .Replace("%25", "%", StringComparison.Ordinal);

    private static int? Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;
}

/// <summary>How bad an annotation is.</summary>
public enum AnnotationKind
{
    /// <summary>Worth knowing.</summary>
    Notice,

    /// <summary>Somebody should look.</summary>
    Warning,

    /// <summary>Wrong.</summary>
    Error,
}
