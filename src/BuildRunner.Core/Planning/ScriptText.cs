using System.Globalization;
using System.Text;
using BuildRunner.Core.Expressions;

namespace BuildRunner.Core.Planning;

/// <summary>
/// Substitutes in scripts so that event data never becomes part of a script. What the pipeline file itself says (matrix values) and what consists only of
/// letters, digits and a few signs without meaning to any shell is put in as text; everything else goes through an environment variable, and the script
/// gets a reference to it, written as the quotes around it demand.
/// </summary>
/// <param name="variables">What to substitute.</param>
/// <param name="taken">Names that mean something else in the step's environment.</param>
internal sealed class ScriptText(VariableScope variables, IReadOnlySet<string> taken)
{
    private readonly Dictionary<string, string> extra = new(StringComparer.Ordinal);

    /// <summary>Variables that the scripts made so far refer to.</summary>
    public IReadOnlyDictionary<string, string> Extra => extra;

    /// <summary>Makes a script for a POSIX shell.</summary>
    /// <param name="text">The script as written.</param>
    /// <param name="problem">Why there is none, if null is returned.</param>
    public string? ForShell(string text, out string? problem)
    {
        problem = null;
        if (TextTemplate.Parse(text, out _) is not { } template)
            return text;
        var script = new StringBuilder();
        var context = new ShellContext();
        foreach (var part in template.Parts)
        {
            var piece = part switch
            {
                TextPart.Literal literal => literal.Text,
                TextPart.Variable variable => Shell(variable, context, out problem),
                _ => "",
            };
            if (piece is null)
                return null;
            if (part is TextPart.Literal || IsAuthored(part))
                context.Advance(piece);
            else
                context.AdvanceWord();
            script.Append(piece);
        }
        return Spent(script.ToString(), out problem);
    }

    /// <summary>Makes a script for some other program, in which references to variables cannot be written.</summary>
    /// <param name="text">The script as written.</param>
    /// <param name="program">The program.</param>
    /// <param name="problem">Why there is none, if null is returned.</param>
    public string? ForProgram(string text, string program, out string? problem)
    {
        problem = null;
        if (TextTemplate.Parse(text, out _) is not { } template)
            return text;
        var unsafePart = template.Parts.OfType<TextPart.Variable>().FirstOrDefault(part => !IsAuthored(part) && !IsInert(part.Value(variables.Get) ?? ""));
        if (unsafePart is not null)
        {
            problem = $"the value of `{unsafePart.Name}` cannot be put into a script for `{program}`: it could be taken for a piece of it";
            return null;
        }
        return Spent(template.Expand(variables.Get), out problem);
    }

    private string? Spent(string? text, out string? problem)
    {
        problem = variables.Spend(text) is null ? "substitution makes this value too long" : null;
        return problem is null ? text : null;
    }

    private string? Shell(TextPart.Variable part, ShellContext context, out string? problem)
    {
        problem = null;
        if (part.Value(variables.Get) is not { } value)
        {
            problem = "substitution makes this value too long";
            return null;
        }
        if (IsAuthored(part) || IsInert(value))
            return value;
        switch (context.Place)
        {
            case ShellPlace.Comment:
                return "";
            case ShellPlace.Single:
                return $"'\"{Reference(part, value)}\"'";
            case ShellPlace.Verbatim when value.Contains('\n') || value.Contains(context.Delimiter, StringComparison.Ordinal):
                problem = $"the value of `{part.Name}` cannot be put into a here-document in quotes";
                return null;
            case ShellPlace.Verbatim:
                return value;
            default:
                return Reference(part, value);
        }
    }

    private string Reference(TextPart.Variable part, string value)
    {
        if (part.Operation is null && !taken.Contains(part.Name) && char.IsAsciiLetter(part.Name[0]) && part.Name.All(character => char.IsAsciiLetterOrDigit(character) || character == '_'))
            return $"${{{part.Name}}}";
        var known = extra.FirstOrDefault(pair => pair.Value == value).Key;
        if (known is null)
        {
            known = string.Create(CultureInfo.InvariantCulture, $"CI_VALUE_{extra.Count + 1}");
            extra.Add(known, value);
        }
        return $"${{{known}}}";
    }

    private bool IsAuthored(TextPart part) =>
        part is TextPart.Variable variable && variables.IsAuthored(variable.Name) && variable.Arguments.SelectMany(argument => argument.Variables()).All(inner => variables.IsAuthored(inner.Name));

    // Nothing of this has a meaning to a shell, in or outside of quotes, nor ends a text in any usual language.
    private static bool IsInert(string value) => value.All(character => char.IsLetterOrDigit(character) || character is '_' or '.' or '/' or ':' or '@' or '%' or '+' or ',' or '-');
}
