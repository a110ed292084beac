using System.Text;

namespace BuildRunner.Core.Expressions;

/// <summary>Reads a <see cref="TextTemplate"/>. Made for one text.</summary>
internal sealed class TextTemplateParser(string text)
{
    private const int MaxNesting = 16;

    private int at;
    private int nesting;

    /// <summary>What is wrong with the text; null: nothing.</summary>
    public string? Problem { get; private set; }

    /// <summary>The template; not to be used if there is a <see cref="Problem"/>.</summary>
    public TextTemplate Parse() => ParseUntil("", backslashes: false);

    // Up to one of the characters in `ends`, which is not consumed, or the end of the text. Inside of replacements `\/` and `\\` are escapes.
    private TextTemplate ParseUntil(string ends, bool backslashes)
    {
        var parts = new List<TextPart>();
        var literal = new StringBuilder();
        while (at < text.Length && Problem is null && !ends.Contains(text[at]))
        {
            if (text[at] == '$' && Peek(1) == '$')
            {
                literal.Append('$');
                at += 2;
            }
            else if (text[at] == '$' && Peek(1) == '{')
            {
                Flush(parts, literal);
                parts.Add(ParseReference());
            }
            else if (backslashes && text[at] == '\\' && Peek(1) is '/' or '\\')
            {
                literal.Append(text[at + 1]);
                at += 2;
            }
            else
            {
                literal.Append(text[at++]);
            }
        }
        Flush(parts, literal);
        return new TextTemplate(parts);
    }

    private static void Flush(List<TextPart> parts, StringBuilder literal)
    {
        if (literal.Length > 0)
            parts.Add(new TextPart.Literal(literal.ToString()));
        literal.Clear();
    }

    private TextPart ParseReference()
    {
        var start = at;
        at += 2;
        if (++nesting > MaxNesting)
            Fail(start, $"is nested more than {MaxNesting} deep");
        var part = Problem is not null ? Nothing : Peek(0) == '#' ? ParseLength(start) : ParseNamed(start);
        if (Problem is null)
        {
            if (Peek(0) == '}')
                at++;
            else
                Fail(start, at >= text.Length ? "has no closing `}`" : "is no substitution that exists; write `$${` if the shell is to see it");
        }
        nesting--;
        return part;
    }

    private TextPart.Variable ParseLength(int start)
    {
        at++;
        var name = Name();
        if (name.Length == 0)
            Fail(start, "names no variable; write `$${` if the shell is to see it");
        return new TextPart.Variable(name, TextOperation.Length, []);
    }

    private TextPart ParseNamed(int start)
    {
        var name = Name();
        if (name.Length == 0)
        {
            Fail(start, Peek(0) == '{' ? "is another CI's form; here it is `${NAME}`, with one brace" : "names no variable; write `$${` if the shell is to see it");
            return Nothing;
        }
        switch (Peek(0))
        {
            case '.' when name == "steps":
                return ParseOutput(start);
            case '.' when Elsewhere(name, MemberName()) is { } here:
                Fail(start, $"is no substitution that exists; {here}");
                return Nothing;
            case ',':
                return new TextPart.Variable(name, Twice(',') ? TextOperation.Lower : TextOperation.LowerFirst, []);
            case '^':
                return new TextPart.Variable(name, Twice('^') ? TextOperation.Upper : TextOperation.UpperFirst, []);
            case '#':
                return new TextPart.Variable(name, Twice('#') ? TextOperation.TrimLongestPrefix : TextOperation.TrimShortestPrefix, [ParseUntil("}", backslashes: false)]);
            case '%':
                return new TextPart.Variable(name, Twice('%') ? TextOperation.TrimLongestSuffix : TextOperation.TrimShortestSuffix, [ParseUntil("}", backslashes: false)]);
            case '/':
                return ParseReplacement(name);
            case '=' or '-':
                at++;
                return new TextPart.Variable(name, TextOperation.Default, [ParseUntil("}", backslashes: false)]);
            case ':' when Peek(1) is '=' or '-':
                at += 2;
                return new TextPart.Variable(name, TextOperation.Default, [ParseUntil("}", backslashes: false)]);
            case ':' when Peek(1) is not ('?' or '+'):
                return ParseSubstring(name);
            default:
                return new TextPart.Variable(name, null, []);
        }
    }

    private TextPart.Variable ParseSubstring(string name)
    {
        at++;
        var position = ParseUntil(":}", backslashes: false);
        if (Peek(0) != ':')
            return new TextPart.Variable(name, TextOperation.Substring, [position]);
        at++;
        return new TextPart.Variable(name, TextOperation.Substring, [position, ParseUntil("}", backslashes: false)]);
    }

    private TextPart.Variable ParseReplacement(string name)
    {
        at++;
        var operation = Peek(0) switch
        {
            '/' => TextOperation.ReplaceAll,
            '#' => TextOperation.ReplacePrefix,
            '%' => TextOperation.ReplaceSuffix,
            _ => TextOperation.ReplaceFirst,
        };
        if (operation != TextOperation.ReplaceFirst)
            at++;
        var old = ParseUntil("/}", backslashes: true);
        if (Peek(0) == '/')
            at++;
        return new TextPart.Variable(name, operation, [old, ParseUntil("}", backslashes: true)]);
    }

    // ${steps.NAME.outputs.KEY}; a step's name may have spaces and dots.
    private TextPart ParseOutput(int start)
    {
        if (nesting > 1)
            Fail(start, "cannot stand inside of another substitution");
        var end = text.IndexOf('}', at);
        var path = end < 0 ? "" : text[at..end];
        var middle = path.LastIndexOf(".outputs.", StringComparison.Ordinal);
        var key = middle < 1 ? "" : path[(middle + 9)..];
        if (key.Length == 0 || !key.All(IsNameCharacter))
        {
            Fail(start, "must be `${steps.NAME.outputs.KEY}`");
            return Nothing;
        }
        at = end;
        return new TextPart.Output(path[1..middle], key);
    }

    private string Name()
    {
        var start = at;
        while (at < text.Length && IsNameCharacter(text[at]))
            at++;
        return text[start..at];
    }

    // The name behind the dot that comes next; nothing is consumed.
    private string MemberName() => new([.. text.Skip(at + 1).TakeWhile(c => IsNameCharacter(c) || c == '-')]);

    // What is written with its kind before it in other systems, and without it here.
    private static string? Elsewhere(string kind, string member) => (kind, member) switch
    {
        (_, "") => null,
        ("inputs" or "input", _) => $"the input is `${{{member}}}`",
        ("matrix", _) => $"the value of the matrix is `${{{member}}}`",
        ("env" or "vars", _) => $"the variable is `${{{member}}}`",
        ("secrets", _) => $"a secret comes by `environment: {{NAME: {{from_secret: {member}}}}}`",
        _ => null,
    };

    private bool Twice(char character)
    {
        at++;
        if (Peek(0) != character)
            return false;
        at++;
        return true;
    }

    private char Peek(int ahead) => at + ahead < text.Length ? text[at + ahead] : '\0';

    private void Fail(int start, string what)
    {
        var end = text.AsSpan(start).IndexOfAny("}\n");
        var shown = end < 0 ? text[start..] : text.Substring(start, end + (text[start + end] == '}' ? 1 : 0));
        Problem ??= $"`{(shown.Length > 60 ? shown[..57] + "..." : shown)}` {what}";
    }

    private static TextPart Nothing => new TextPart.Literal("");

    private static bool IsNameCharacter(char character) => char.IsLetterOrDigit(character) || character == '_';
}
