namespace BuildRunner.Core.Expressions;

/// <summary>
/// A pattern of the shell (<c>*</c>, <c>?</c>, <c>[a-z]</c>, backslash), in which <c>*</c> also matches slashes. Finds how much of the beginning or the end
/// of a text it matches by following all ways at once, so that no pattern takes more than text times pattern steps.
/// </summary>
internal sealed class ShellPattern
{
    private readonly IReadOnlyList<PatternToken> tokens;

    private ShellPattern(IReadOnlyList<PatternToken> tokens) => this.tokens = tokens;

    /// <summary>Reads a pattern; what is no pattern stands for itself.</summary>
    public static ShellPattern Parse(string pattern)
    {
        var tokens = new List<PatternToken>();
        for (var at = 0; at < pattern.Length; at++)
        {
            switch (pattern[at])
            {
                case '*':
                    if (tokens.Count == 0 || tokens[^1] is not PatternToken.Many)
                        tokens.Add(new PatternToken.Many());
                    break;
                case '?':
                    tokens.Add(new PatternToken.Any());
                    break;
                case '\\' when at + 1 < pattern.Length:
                    tokens.Add(new PatternToken.One(pattern[++at]));
                    break;
                case '[' when CharacterClass.Parse(pattern, at) is { } found:
                    tokens.Add(new PatternToken.Class(found.Class));
                    at = found.End - 1;
                    break;
                default:
                    tokens.Add(new PatternToken.One(pattern[at]));
                    break;
            }
        }
        return new ShellPattern(tokens);
    }

    /// <summary>Lengths of the shortest and the longest beginning that the pattern matches; null: none.</summary>
    public (int? Shortest, int? Longest) PrefixLengths(string text) => Lengths(tokens, text, forward: true);

    /// <summary>Lengths of the shortest and the longest end that the pattern matches; null: none.</summary>
    public (int? Shortest, int? Longest) SuffixLengths(string text) => Lengths([.. tokens.Reverse()], text, forward: false);

    private static (int? Shortest, int? Longest) Lengths(IReadOnlyList<PatternToken> tokens, string text, bool forward)
    {
        var active = new bool[tokens.Count + 1];
        Activate(tokens, active, 0);
        int? shortest = null, longest = null;
        for (var length = 0; ; length++)
        {
            if (active[tokens.Count])
            {
                shortest ??= length;
                longest = length;
            }
            if (length == text.Length || !Array.Exists(active, state => state))
                return (shortest, longest);
            var character = forward ? text[length] : text[^(length + 1)];
            var next = new bool[tokens.Count + 1];
            for (var state = 0; state < tokens.Count; state++)
            {
                if (active[state] && tokens[state].Matches(character))
                    Activate(tokens, next, tokens[state] is PatternToken.Many ? state : state + 1);
            }
            active = next;
        }
    }

    private static void Activate(IReadOnlyList<PatternToken> tokens, bool[] states, int state)
    {
        states[state] = true;
        if (state < tokens.Count && tokens[state] is PatternToken.Many)
            Activate(tokens, states, state + 1);
    }
}
