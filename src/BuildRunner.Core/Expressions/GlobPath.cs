using System.Buffers;
using System.Text;

namespace BuildRunner.Core.Expressions;

/// <summary>A path pattern without choices, split into parts.</summary>
internal sealed class GlobPath
{
    // Null stands for `**`.
    private readonly List<IReadOnlyList<PatternToken>?> parts;

    private GlobPath(List<IReadOnlyList<PatternToken>?> parts) => this.parts = parts;

    /// <summary>Reads a pattern; null if it is malformed.</summary>
    public static GlobPath? Parse(string pattern, out string? problem)
    {
        problem = null;
        var parts = new List<IReadOnlyList<PatternToken>?>();
        var part = new List<PatternToken>();
        var start = 0;
        for (var at = 0; at <= pattern.Length;)
        {
            // An escaped slash is a slash (Woodpecker's documentation writes `*\/*`).
            var escaped = at + 1 < pattern.Length && pattern[at] == '\\' && pattern[at + 1] == '/';
            if (at == pattern.Length || pattern[at] == '/' || escaped)
            {
                parts.Add(pattern[start..at] == "**" ? null : part);
                part = [];
                at += escaped ? 2 : 1;
                start = at;
                continue;
            }
            if (ReadToken(pattern, ref at, out problem) is not { } token)
                return null;
            if (!(token is PatternToken.Many && part.Count > 0 && part[^1] is PatternToken.Many))
                part.Add(token);
        }
        return new GlobPath(parts);
    }

    /// <summary>Whether the pattern matches all of a path.</summary>
    /// <param name="path">The path's parts, each a list of code points.</param>
    public bool Matches(int[][] path)
    {
        // reached[j]: the first j parts of the path are matched by the parts of the pattern seen so far.
        var reached = new bool[path.Length + 1];
        reached[0] = true;
        for (var i = 0; i < parts.Count; i++)
        {
            var next = new bool[path.Length + 1];
            if (parts[i] is not { } part)
            {
                for (var j = 0; j <= path.Length; j++)
                    next[j] = reached[j] || (j > 0 && next[j - 1]);
            }
            else
            {
                for (var j = 0; j < path.Length; j++)
                    next[j + 1] = reached[j] && MatchesPart(part, path[j]);
                // `a/**/` also matches `a`.
                if (part.Count == 0 && i == parts.Count - 1 && i > 0 && parts[i - 1] is null)
                    next[path.Length] |= reached[path.Length];
            }
            reached = next;
        }
        return reached[path.Length];
    }

    private static PatternToken? ReadToken(string pattern, ref int at, out string? problem)
    {
        problem = null;
        switch (pattern[at])
        {
            case '*':
                at++;
                return new PatternToken.Many();
            case '?':
                at++;
                return new PatternToken.Any();
            case '[':
                if (CharacterClass.Parse(pattern, at) is not { } found)
                {
                    problem = "`[` is not closed, or has nothing in it";
                    return null;
                }
                at = found.End;
                return new PatternToken.Class(found.Class);
            case '\\' when at + 1 == pattern.Length:
                problem = "a backslash at the end escapes nothing";
                return null;
            case '\\':
                at++;
                break;
            default:
                break;
        }
        var status = Rune.DecodeFromUtf16(pattern.AsSpan(at), out var rune, out var length);
        at += status == OperationStatus.Done ? length : 1;
        return new PatternToken.One(rune.Value);
    }

    // The usual two-pointer match: after a mismatch the last star takes one character more.
    private static bool MatchesPart(IReadOnlyList<PatternToken> tokens, int[] text)
    {
        int token = 0, at = 0, star = -1, resume = 0;
        while (at < text.Length)
        {
            if (token < tokens.Count && tokens[token] is PatternToken.Many)
            {
                star = token++;
                resume = at;
            }
            else if (token < tokens.Count && tokens[token].Matches(text[at]))
            {
                token++;
                at++;
            }
            else if (star >= 0)
            {
                token = star + 1;
                at = ++resume;
            }
            else
            {
                return false;
            }
        }
        while (token < tokens.Count && tokens[token] is PatternToken.Many)
            token++;
        return token == tokens.Count;
    }
}
