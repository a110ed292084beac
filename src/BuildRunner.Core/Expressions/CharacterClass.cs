using System.Text;

namespace BuildRunner.Core.Expressions;

/// <summary>A set of characters as patterns write it: <c>[abc]</c>, <c>[a-z0-9]</c>, <c>[^a]</c>, <c>[!a]</c>; a backslash takes the next character as it is.</summary>
internal sealed class CharacterClass(IReadOnlyList<(int From, int To)> ranges, bool negated)
{
    /// <summary>Reads the class that begins at <paramref name="start"/>.</summary>
    /// <returns>The class and the index behind it; null if none begins there: it is not closed, or empty.</returns>
    public static (CharacterClass Class, int End)? Parse(string pattern, int start)
    {
        var at = start + 1;
        var negated = at < pattern.Length && pattern[at] is '^' or '!';
        if (negated)
            at++;
        var ranges = new List<(int, int)>();
        while (at < pattern.Length && pattern[at] != ']')
        {
            if (Read(pattern, ref at) is not { } from)
                return null;
            var to = from;
            if (at + 1 < pattern.Length && pattern[at] == '-' && pattern[at + 1] != ']')
            {
                at++;
                if (Read(pattern, ref at) is not { } upper)
                    return null;
                to = upper;
            }
            ranges.Add((from, to));
        }
        return at < pattern.Length && ranges.Count > 0 ? (new CharacterClass(ranges, negated), at + 1) : null;
    }

    /// <summary>Whether the class has a character.</summary>
    /// <param name="character">A Unicode code point.</param>
    public bool Contains(int character)
    {
        foreach (var (from, to) in ranges)
        {
            if (character >= from && character <= to)
                return !negated;
        }
        return negated;
    }

    private static int? Read(string pattern, ref int at)
    {
        if (pattern[at] == '\\' && ++at >= pattern.Length)
            return null;
        if (Rune.DecodeFromUtf16(pattern.AsSpan(at), out var rune, out var length) != System.Buffers.OperationStatus.Done)
            return null;
        at += length;
        return rune.Value;
    }
}
