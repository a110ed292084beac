using System.Text;

namespace BuildRunner.Core.Expressions;

/// <summary>Where in a shell script one is: how a value has to be written there.</summary>
internal enum ShellPlace
{
    /// <summary>Outside of quotes.</summary>
    Plain,

    /// <summary>In double quotes, or in a here-document that is expanded.</summary>
    Double,

    /// <summary>In single quotes.</summary>
    Single,

    /// <summary>In a comment.</summary>
    Comment,

    /// <summary>In a here-document that is not expanded.</summary>
    Verbatim,
}

/// <summary>
/// Follows quotes, substitutions, comments and here-documents through a POSIX shell script. Where it errs on unusual scripts, a value may come out wrong,
/// but data never becomes part of the script: that does not depend on it.
/// </summary>
internal sealed class ShellContext
{
    private readonly Stack<(ShellPlace Place, int Parentheses)> stack = new([(ShellPlace.Plain, 0)]);
    private readonly Queue<(string Delimiter, bool Tabs, bool Verbatim)> pending = new();
    private (string Delimiter, bool Tabs, bool Verbatim)? document;
    private readonly StringBuilder line = new();
    private char previous = '\n';
    private bool escaped;

    /// <summary>Where one is.</summary>
    public ShellPlace Place => document is { } open ? open.Verbatim ? ShellPlace.Verbatim : ShellPlace.Double : stack.Peek().Place;

    /// <summary>The end mark of the here-document one is in; empty outside of one.</summary>
    public string Delimiter => document?.Delimiter ?? "";

    /// <summary>Goes on over a piece of the script.</summary>
    public void Advance(string text)
    {
        for (var at = 0; at < text.Length; at++)
        {
            var character = text[at];
            if (document is not null)
                AdvanceDocument(character);
            else if (escaped)
                escaped = false;
            else
                at = Advance(text, at);
            previous = character;
        }
    }

    /// <summary>Goes on over a value that is a word or part of one.</summary>
    public void AdvanceWord()
    {
        escaped = false;
        previous = 'x';
        line.Append('x');
    }

    private int Advance(string text, int at)
    {
        var character = text[at];
        var (place, parentheses) = stack.Peek();
        switch (place)
        {
            case ShellPlace.Comment:
                if (character == '\n')
                    stack.Pop();
                break;
            case ShellPlace.Single:
                if (character == '\'')
                    stack.Pop();
                return at;
            case ShellPlace.Double when character == '"':
                stack.Pop();
                return at;
            case ShellPlace.Plain when character == '"':
                stack.Push((ShellPlace.Double, 0));
                return at;
            case ShellPlace.Plain when character == '\'':
                stack.Push((ShellPlace.Single, 0));
                return at;
            case ShellPlace.Plain when character == '#' && (char.IsWhiteSpace(previous) || previous is ';' or '(' or '&' or '|'):
                stack.Push((ShellPlace.Comment, 0));
                return at;
            case ShellPlace.Plain when character == '(':
                Replace(ShellPlace.Plain, parentheses + 1);
                return at;
            case ShellPlace.Plain when character == ')' && (parentheses > 0 || stack.Count > 1):
                if (parentheses > 0)
                    Replace(ShellPlace.Plain, parentheses - 1);
                else
                    stack.Pop();
                return at;
            case ShellPlace.Plain when character == '<' && previous == '<' && (at + 1 >= text.Length || text[at + 1] != '<') && (at < 2 || text[at - 2] != '<'):
                return BeginDocument(text, at + 1);
            default:
                break;
        }
        if (character == '\n' && pending.Count > 0)
            document = pending.Dequeue();
        else if (character == '\\' && place is not ShellPlace.Comment)
            escaped = true;
        else if (character == '(' && previous == '$' && place is ShellPlace.Double)
            stack.Push((ShellPlace.Plain, 0));
        return at;
    }

    private void Replace(ShellPlace place, int parentheses)
    {
        stack.Pop();
        stack.Push((place, parentheses));
    }

    // The word behind `<<`; with quotes in it the document is not expanded.
    private int BeginDocument(string text, int at)
    {
        var tabs = at < text.Length && text[at] == '-';
        if (tabs)
            at++;
        while (at < text.Length && text[at] is ' ' or '\t')
            at++;
        var delimiter = new StringBuilder();
        var verbatim = false;
        for (; at < text.Length && !char.IsWhiteSpace(text[at]) && text[at] is not (';' or '&' or '|' or '<' or '>' or '(' or ')'); at++)
        {
            if (text[at] is '\'' or '"' or '\\')
                verbatim = true;
            else
                delimiter.Append(text[at]);
        }
        if (delimiter.Length > 0)
            pending.Enqueue((delimiter.ToString(), tabs, verbatim));
        return at - 1;
    }

    private void AdvanceDocument(char character)
    {
        if (character != '\n')
        {
            line.Append(character);
            return;
        }
        var (delimiter, tabs, _) = document!.Value;
        var written = line.ToString();
        line.Clear();
        if ((tabs ? written.TrimStart('\t') : written) == delimiter)
            document = pending.Count > 0 ? pending.Dequeue() : null;
    }
}
