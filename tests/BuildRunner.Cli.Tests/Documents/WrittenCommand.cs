using System.Text.RegularExpressions;

namespace BuildRunner.Cli.Tests.Documents;

/// <summary>A call of <c>buildrunner</c> as a document writes it.</summary>
/// <param name="File">Where, from the root of the checkout.</param>
/// <param name="Line">At which line, from 1.</param>
/// <param name="Words">The words behind <c>buildrunner</c>.</param>
/// <param name="IsWhole">Whether it is meant to be typed as it stands; otherwise it only names verbs and options.</param>
internal sealed partial record WrittenCommand(string File, int Line, IReadOnlyList<string> Words, bool IsWhole)
{
    private const string Program = "buildrunner";

    /// <summary>Every call in a text of Markdown or a file of ours with comments.</summary>
    /// <param name="file">Its path, for messages.</param>
    /// <param name="text">The text.</param>
    /// <param name="verbs">The verbs, by which a span that leaves out <c>buildrunner</c> is known; those that have verbs of their own also with a space behind.</param>
    public static IEnumerable<WrittenCommand> In(string file, string text, IReadOnlySet<string> verbs)
    {
        var isMarkdown = file.EndsWith(".md", StringComparison.Ordinal);
        var fence = (string?)null;
        foreach (var (content, line) in Joined(text))
        {
            if (isMarkdown && content.TrimStart().StartsWith("```", StringComparison.Ordinal))
            {
                fence = fence is null ? content.Trim()[3..] : null;
            }
            else if (fence is not null || !isMarkdown)
            {
                foreach (var words in CallsIn(content, isMarkdown ? "" : CommentOrUnit().Match(content).Value))
                {
                    yield return new(file, line, words, IsWhole: isMarkdown);
                }
            }
            else
            {
                foreach (Match span in Span().Matches(content))
                {
                    if (OfSpan(span.Groups["text"].Value, verbs) is { } words)
                    {
                        yield return new(file, line, words, IsWhole: false);
                    }
                }
            }
        }
    }

    /// <summary>Every call that a message in a source file names: in single quotes, or where a verb follows.</summary>
    /// <param name="file">Its path, for messages.</param>
    /// <param name="text">The source.</param>
    /// <param name="verbs">The verbs.</param>
    public static IEnumerable<WrittenCommand> InSource(string file, string text, IReadOnlySet<string> verbs)
    {
        foreach (var (content, line) in text.Split('\n').Select((l, i) => (l, i + 1)).Where(l => !l.l.TrimStart().StartsWith("//", StringComparison.Ordinal)))
        {
            foreach (Match call in QuotedCall().Matches(content))
            {
                yield return new(file, line, Split(Holes().Replace(call.Groups["rest"].Value, "X")), IsWhole: false);
            }

            foreach (Match call in OpenCall().Matches(content).Where(m => verbs.Contains(m.Groups["verb"].Value)))
            {
                yield return new(file, line, Split(Holes().Replace(call.Groups["rest"].Value, "X")), IsWhole: false);
            }
        }
    }

    /// <summary>As it was written, with its place.</summary>
    public override string ToString() => $"{File}({Line}): {Program} {string.Join(' ', Words)}";

    // A line that ends with a backslash goes on in the next.
    private static IEnumerable<(string Content, int Line)> Joined(string text)
    {
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var (content, first) = (lines[i], i + 1);
            while (content.EndsWith('\\') && i + 1 < lines.Length)
            {
                content = content[..^1] + lines[++i];
            }

            yield return (content, first);
        }
    }

    private static IEnumerable<IReadOnlyList<string>> CallsIn(string line, string lead)
    {
        foreach (var part in Operators().Split(line[lead.Length..]))
        {
            var words = Split(Comment().Replace(part, ""));
            var start = words.TakeWhile(w => w is "$" or "sudo" or "exec" or "eval" || Assignment().IsMatch(w)).Count();
            if (words.Count > start && IsProgram(words[start]))
            {
                yield return [.. words.Skip(start + 1)];
            }
        }
    }

    // `buildrunner …`, `NAME=value ./buildrunner …`, `VERB … --option …`, or `VERB SUBVERB …`.
    private static List<string>? OfSpan(string text, IReadOnlySet<string> verbs)
    {
        var words = Split(Optional().Replace(text, " "));
        var start = words.TakeWhile(w => Assignment().IsMatch(w)).Count();
        var rest = words.Skip(start).ToList();
        if (rest.Count > 0 && IsProgram(rest[0]))
        {
            return rest.Count > 1 ? [.. rest.Skip(1).TakeWhile(w => w != "|")] : null;
        }

        var isCall = rest.Count > 1 && verbs.Contains(rest[0])
            && (rest.Any(w => w.StartsWith("--", StringComparison.Ordinal)) || (verbs.Contains(rest[0] + " ") && (rest.Count == 2 || rest.Skip(2).Any(w => w.Any(char.IsUpper)))));
        return isCall ? rest : null;
    }

    private static bool IsProgram(string word) => Path.GetFileName(word) == Program && (word == Program || word.Contains('/'));

    private static List<string> Split(string text) => [.. Word().Matches(text).Select(m => m.Value.Replace("'", "", StringComparison.Ordinal).Replace("\"", "", StringComparison.Ordinal))];

    [GeneratedRegex(@"`(?<text>[^`]+)`", RegexOptions.ExplicitCapture)]
    private static partial Regex Span();

    [GeneratedRegex(@"\$\(|\|\|?|&&|;| > | < |\)(?=""|$)")]
    private static partial Regex Operators();

    [GeneratedRegex(@"(^|\s)#\s.*$", RegexOptions.ExplicitCapture)]
    private static partial Regex Comment();

    [GeneratedRegex(@"^\s*(#\s+|ExecStart=)?")]
    private static partial Regex CommentOrUnit();

    [GeneratedRegex(@"^[A-Z][A-Z0-9_]*=")]
    private static partial Regex Assignment();

    [GeneratedRegex(@"[\[\]…]")]
    private static partial Regex Optional();

    [GeneratedRegex(@"(?:'[^']*'|""[^""]*""|\S)+")]
    private static partial Regex Word();

    [GeneratedRegex(@"'(\./)?buildrunner (?<rest>[^']+)'", RegexOptions.ExplicitCapture)]
    private static partial Regex QuotedCall();

    [GeneratedRegex(@"(?<!')\bbuildrunner (?<rest>(?<verb>[a-z]+)\b[^'""\\),:;|]*)", RegexOptions.ExplicitCapture)]
    private static partial Regex OpenCall();

    [GeneratedRegex(@"\{[^{}]*(\{[^{}]*\}[^{}]*)*\}")]
    private static partial Regex Holes();
}
