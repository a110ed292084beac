using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>Goes through a step's log once: the marks it made with commands as on GitHub (<c>::error file=src/a.cs,line=3::message</c>), those that compilers print, and its last lines.</summary>
/// <param name="root">Where the step's tree was; paths below it are taken as relative to it. Null: not known.</param>
internal sealed partial class LogScan(string? root = null)
{
    private const int TailLines = 20;

    // As GitHub does it: more of one kind than a reader looks at.
    private const int MaxOfKind = 10;
    private const int MaxLine = 4096;
    private readonly Queue<string> tail = new();
    private readonly ArrayBufferWriter<byte> line = new();
    private readonly List<CheckAnnotation> annotations = [];
    private int count;
    private int? errorLine;

    /// <summary>The marks, at most ten of a kind.</summary>
    public IReadOnlyList<CheckAnnotation> Annotations => annotations;

    /// <summary>The last lines; null: it wrote nothing.</summary>
    public LogTail? Tail => count == 0 ? null : new LogTail(count - tail.Count + 1, [.. tail], errorLine);

    /// <summary>The same, to be ended where the log is now while this one goes on.</summary>
    public LogScan Copy()
    {
        var copy = new LogScan(root) { count = count, errorLine = errorLine };
        copy.annotations.AddRange(annotations);
        copy.line.Write(line.WrittenSpan);
        foreach (var kept in tail)
        {
            copy.tail.Enqueue(kept);
        }

        return copy;
    }

    /// <summary>Takes the next piece of the log.</summary>
    public void Add(LogFrame frame)
    {
        var text = frame.Text.Span;
        line.Write(text[..Math.Min(text.Length, Math.Max(0, MaxLine - line.WrittenCount))]);
        if (!frame.Unterminated)
        {
            End();
        }
    }

    /// <summary>Takes what is left as the last line.</summary>
    public void End()
    {
        if (line.WrittenCount == 0)
        {
            return;
        }

        var text = Encoding.UTF8.GetString(line.WrittenSpan).TrimEnd('\r');
        line.ResetWrittenCount();
        count++;
        tail.Enqueue(text);
        if (tail.Count > TailLines)
        {
            tail.Dequeue();
        }

        Mark(text);
    }

    private void Mark(string text)
    {
        if (Command().Match(text) is not { Success: true } command)
        {
            if (CompilerMarks.Of(text, root) is { } found)
            {
                errorLine ??= found.Level == AnnotationLevel.Failure ? count : null;
                Keep(found);
            }

            return;
        }

        var level = command.Groups["kind"].Value switch { "error" => AnnotationLevel.Failure, "warning" => AnnotationLevel.Warning, _ => AnnotationLevel.Notice };
        errorLine ??= level == AnnotationLevel.Failure ? count : null;
        var values = command.Groups["values"].Value.Split(',').Select(pair => pair.Split('=', 2)).Where(pair => pair.Length == 2)
            .DistinctBy(pair => pair[0].Trim()).ToDictionary(pair => pair[0].Trim(), pair => Unescape(pair[1], inValue: true), StringComparer.Ordinal);
        if (!values.TryGetValue("file", out var file) || CompilerMarks.Relative(file, root) is not { } path)
        {
            return;
        }

        var first = Number(values, "line") ?? 1;
        var last = Math.Max(first, Number(values, "endLine") ?? first);
        Keep(new CheckAnnotation(path, first, last, level, Unescape(command.Groups["message"].Value, inValue: false), values.GetValueOrDefault("title")));
    }

    // Builds print a mistake where it happens and again at their end.
    private void Keep(CheckAnnotation found)
    {
        if (annotations.Count(a => a.Level == found.Level) < MaxOfKind && !annotations.Contains(found))
        {
            annotations.Add(found);
        }
    }

    private static int? Number(Dictionary<string, string> values, string name) =>
        values.TryGetValue(name, out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;

    private static string Unescape(string text, bool inValue)
    {
        text = text.Replace("%0D", "\r", StringComparison.Ordinal).Replace("%0A", "\n", StringComparison.Ordinal);
        text = inValue ? text.Replace("%3A", ":", StringComparison.Ordinal).Replace("%2C", ",", StringComparison.Ordinal) : text;
        return text.Replace("%25", "%", StringComparison.Ordinal);
    }

    [GeneratedRegex("^::(?<kind>error|warning|notice)(?: (?<values>[^:]*(?::(?!:)[^:]*)*))?::(?<message>.+)$", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Command();
}
