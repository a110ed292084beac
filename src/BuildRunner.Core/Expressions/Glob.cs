using System.Buffers;
using System.Text;

namespace BuildRunner.Core.Expressions;

/// <summary>
/// A path pattern in the manner of Go's doublestar, which Woodpecker uses: <c>*</c> and <c>?</c> do not match a slash, <c>**</c> as a whole part of the path
/// matches any number of parts, <c>{a,b}</c> is a choice, <c>[a-z]</c> a class, a backslash takes the next character as it is.
/// Matching takes at most parts times parts steps, whatever the pattern.
/// </summary>
public sealed class Glob
{
    /// <summary>Longest pattern.</summary>
    public const int MaxLength = 1024;

    private static readonly SearchValues<char> Special = SearchValues.Create(@"*?[]{},\");
    private readonly IReadOnlyList<GlobPath> alternatives;

    private Glob(IReadOnlyList<GlobPath> alternatives, string folder)
    {
        this.alternatives = alternatives;
        Folder = folder;
    }

    /// <summary>The folder below which everything lies that it can match, as far as the pattern leaves no choice; empty: anywhere.</summary>
    public string Folder { get; }

    /// <summary>Reads a pattern.</summary>
    /// <param name="pattern">As written.</param>
    /// <param name="problem">What is wrong with it, if null is returned.</param>
    public static Glob? Parse(string pattern, out string? problem)
    {
        problem = pattern.Length > MaxLength ? $"it is longer than {MaxLength} characters" : null;
        var expanded = problem is null ? GlobBraces.Expand(pattern, out problem) : null;
        if (expanded is null)
            return null;
        var alternatives = new List<GlobPath>();
        foreach (var alternative in expanded)
        {
            if (GlobPath.Parse(alternative, out problem) is not { } path)
                return null;
            alternatives.Add(path);
        }
        var plain = pattern.AsSpan().IndexOfAny(Special) is >= 0 and var first ? pattern[..first] : pattern;
        return new Glob(alternatives, plain[..Math.Max(0, plain.LastIndexOf('/'))]);
    }

    /// <summary>Whether the pattern matches all of a text.</summary>
    public bool Matches(string text)
    {
        var parts = text.Split('/').Select(part => part.EnumerateRunes().Select(rune => rune.Value).ToArray()).ToArray();
        return alternatives.Any(alternative => alternative.Matches(parts));
    }

    /// <summary>A pattern that matches exactly a text.</summary>
    public static string Escape(string text)
    {
        if (!text.AsSpan().ContainsAny(Special))
            return text;
        var result = new StringBuilder();
        foreach (var character in text)
        {
            if (Special.Contains(character))
                result.Append('\\');
            result.Append(character);
        }
        return result.ToString();
    }
}

/// <summary>Writes out the choices of a pattern.</summary>
internal static class GlobBraces
{
    private const int MaxAlternatives = 256;

    /// <summary>The patterns without braces that a pattern stands for; null if it is malformed or stands for too many.</summary>
    public static IReadOnlyList<string>? Expand(string pattern, out string? problem)
    {
        problem = null;
        List<string> pending = [pattern], done = [];
        while (pending.Count > 0)
        {
            var current = pending[^1];
            pending.RemoveAt(pending.Count - 1);
            var open = Find(current, 0, '{');
            if (open < 0)
            {
                done.Add(current);
                continue;
            }
            if (Split(current, open) is not { } split)
            {
                problem = "`{` is not closed";
                return null;
            }
            if (pending.Count + done.Count + split.Choices.Count > MaxAlternatives)
            {
                problem = $"it stands for more than {MaxAlternatives} patterns";
                return null;
            }
            // Last first, so that they are taken in order.
            for (var i = split.Choices.Count - 1; i >= 0; i--)
                pending.Add(string.Concat(current.AsSpan(0, open), split.Choices[i], current.AsSpan(split.End)));
        }
        return done;
    }

    private static (IReadOnlyList<string> Choices, int End)? Split(string pattern, int open)
    {
        var choices = new List<string>();
        var start = open + 1;
        var depth = 0;
        for (var at = start; at < pattern.Length; at = Next(pattern, at))
        {
            switch (pattern[at])
            {
                case '{':
                    depth++;
                    break;
                case ',' when depth == 0:
                    choices.Add(pattern[start..at]);
                    start = at + 1;
                    break;
                case '}' when depth == 0:
                    choices.Add(pattern[start..at]);
                    return (choices, at + 1);
                case '}':
                    depth--;
                    break;
                default:
                    break;
            }
        }
        return null;
    }

    private static int Find(string pattern, int from, char wanted)
    {
        for (var at = from; at < pattern.Length; at = Next(pattern, at))
        {
            if (pattern[at] == wanted)
                return at;
        }
        return -1;
    }

    // The index behind what begins at `at`: an escaped character and a class count as one.
    private static int Next(string pattern, int at) => pattern[at] switch
    {
        '\\' => at + 2,
        '[' when CharacterClass.Parse(pattern, at) is { } found => found.End,
        _ => at + 1,
    };
}
