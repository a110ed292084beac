using System.Globalization;
using System.Text;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Kinds of <see cref="ExpressionToken"/>.</summary>
internal enum TokenKind
{
    /// <summary>The end.</summary>
    End,

    /// <summary>A number.</summary>
    Number,

    /// <summary>A text in quotes, without them.</summary>
    Text,

    /// <summary>A text in backticks.</summary>
    RawText,

    /// <summary>A name.</summary>
    Name,

    /// <summary>An operator, bracket, comma or keyword.</summary>
    Operator,

    /// <summary><c>${…}</c> outside of quotes.</summary>
    Substitution,
}

/// <summary>A word of an expression.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Value">Its text.</param>
/// <param name="Position">Where it begins, from 0.</param>
internal readonly record struct ExpressionToken(TokenKind Kind, string Value, int Position)
{
    /// <summary>True if it is this operator.</summary>
    public bool Is(string value) => Kind == TokenKind.Operator && Value == value;
}

/// <summary>Splits an expression into words. Made for one expression.</summary>
internal sealed class ExpressionLexer(string text)
{
    private static readonly string[] Operators =
        ["..", "==", "!=", "<=", ">=", "&&", "||", "**", "??", "?.", "(", ")", "[", "]", "{", "}", ",", ";", ":", "+", "-", "*", "/", "%", "^", "<", ">", "=", "!", "?", ".", "#", "|"];

    private static readonly HashSet<string> Keywords = ["not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"];

    private int at;

    /// <summary>All words, ending with <see cref="TokenKind.End"/>.</summary>
    /// <exception cref="ExpressionException">It holds what is no word.</exception>
    public IReadOnlyList<ExpressionToken> Split()
    {
        var tokens = new List<ExpressionToken>();
        do
        {
            tokens.Add(Next());
        }
        while (tokens[^1].Kind != TokenKind.End);
        return tokens;
    }

    private ExpressionToken Next()
    {
        SkipSpace();
        var start = at;
        if (at >= text.Length)
            return new ExpressionToken(TokenKind.End, "the end", at);
        var character = text[at];
        if (character is '"' or '\'')
            return new ExpressionToken(TokenKind.Text, Quoted(character), start);
        if (character == '`')
            return new ExpressionToken(TokenKind.RawText, Raw(), start);
        if (char.IsAsciiDigit(character) || (character == '.' && char.IsAsciiDigit(Peek(1))))
            return new ExpressionToken(TokenKind.Number, Number(), start);
        if (character == '$' && Peek(1) == '{')
            return new ExpressionToken(TokenKind.Substitution, Substitution(), start);
        if (IsNameStart(character))
        {
            var name = Word();
            return new ExpressionToken(Keywords.Contains(name) ? TokenKind.Operator : TokenKind.Name, name, start);
        }
        foreach (var known in Operators)
        {
            if (text.AsSpan(at).StartsWith(known, StringComparison.Ordinal))
            {
                at += known.Length;
                return new ExpressionToken(TokenKind.Operator, known, start);
            }
        }
        throw new ExpressionException($"`{Rune.GetRuneAt(char.IsSurrogate(character) ? "\uFFFD" : text, char.IsSurrogate(character) ? 0 : at)}` at {Place(at)} has no meaning");
    }

    /// <summary>A position as a person counts.</summary>
    public static string Place(int position) => string.Create(CultureInfo.InvariantCulture, $"character {position + 1}");

    private void SkipSpace()
    {
        while (at < text.Length)
        {
            if (char.IsWhiteSpace(text[at]))
                at++;
            else if (text[at] == '/' && Peek(1) == '/')
                at = text.IndexOf('\n', at) is var end and >= 0 ? end : text.Length;
            else if (text[at] == '/' && Peek(1) == '*')
                at = text.IndexOf("*/", at + 2, StringComparison.Ordinal) is var end and >= 0 ? end + 2 : throw new ExpressionException("a comment is not closed");
            else
                return;
        }
    }

    private string Quoted(char quote)
    {
        var start = at++;
        var result = new StringBuilder();
        while (at < text.Length && text[at] != quote)
        {
            if (text[at] == '\\')
                Escape(result);
            else
                result.Append(text[at++]);
        }
        if (at++ >= text.Length)
            throw new ExpressionException($"the text that begins at {Place(start)} is not closed");
        return result.ToString();
    }

    private void Escape(StringBuilder result)
    {
        var escaped = Peek(1);
        at += 2;
        var digits = escaped switch
        {
            'u' => 4,
            'x' => 2,
            'U' => 8,
            _ => 0,
        };
        if (digits == 0)
        {
            result.Append(escaped switch
            {
                'n' => "\n",
                't' => "\t",
                'r' => "\r",
                'a' => "\a",
                'b' => "\b",
                'f' => "\f",
                'v' => "\v",
                '\\' or '"' or '\'' or '/' or '$' or '`' => escaped.ToString(),

                // A regular expression's own escape, with which other texts have no business.
                _ when IsOfPattern(escaped) => $"\\{escaped}",
                _ => throw new ExpressionException($"`\\{escaped}` at {Place(at - 2)} is no escape; write two backslashes for one"),
            });
            return;
        }
        if (at + digits > text.Length || !int.TryParse(text.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code) || !Rune.IsValid(code))
            throw new ExpressionException($"`\\{escaped}` at {Place(at - 2)} needs {digits} hexadecimal digits of a character");
        at += digits;
        result.Append(new Rune(code).ToString());
    }

    private static bool IsOfPattern(char escaped) => ".+*?()[]{}|^-&#~ ".Contains(escaped) || "dDwWsSBAzZpPQE0123456789".Contains(escaped);

    private string Raw()
    {
        var end = text.IndexOf('`', at + 1);
        if (end < 0)
            throw new ExpressionException($"the text that begins at {Place(at)} is not closed");
        var raw = text[(at + 1)..end];
        at = end + 1;
        return raw;
    }

    private string Number()
    {
        var start = at;
        while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_' || (text[at] == '.' && Peek(1) != '.') || (text[at] is '+' or '-' && text[at - 1] is 'e' or 'E' && !IsHex(start))))
            at++;
        return text[start..at];
    }

    private bool IsHex(int start) => start + 1 < text.Length && text[start] == '0' && text[start + 1] is 'x' or 'X';

    private string Substitution()
    {
        var start = at;
        var depth = 0;
        for (; at < text.Length; at++)
        {
            if (text[at] == '$' && Peek(1) == '{')
                depth++;
            else if (text[at] == '}' && --depth == 0)
                return text[start..++at];
        }
        throw new ExpressionException($"the substitution that begins at {Place(start)} has no closing brace");
    }

    private string Word()
    {
        var start = at++;
        while (at < text.Length && (char.IsLetterOrDigit(text[at]) || text[at] == '_'))
            at++;
        return text[start..at];
    }

    private char Peek(int ahead) => at + ahead < text.Length ? text[at + ahead] : '\0';

    private static bool IsNameStart(char character) => char.IsLetter(character) || character is '_' or '$';
}
