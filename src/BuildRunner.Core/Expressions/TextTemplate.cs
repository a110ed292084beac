using System.Diagnostics;
using System.Text;

namespace BuildRunner.Core.Expressions;

/// <summary>A text with substitutions in it: <c>${NAME}</c>, string operations on it, <c>$$</c> for a dollar, and <c>${steps.NAME.outputs.KEY}</c>.</summary>
internal sealed class TextTemplate
{
    /// <summary>Longest text that substitution may make of one value.</summary>
    public const int MaxLength = 1024 * 1024;

    internal TextTemplate(IReadOnlyList<TextPart> parts)
    {
        Parts = parts;
        HasOutputs = parts.Any(part => part is TextPart.Output);
    }

    /// <summary>The parts, in order.</summary>
    public IReadOnlyList<TextPart> Parts { get; }

    /// <summary>True if an output of a step occurs in it.</summary>
    public bool HasOutputs { get; }

    /// <summary>True if nothing is substituted.</summary>
    public bool IsLiteral => Parts.All(part => part is TextPart.Literal);

    /// <summary>Reads a template.</summary>
    /// <param name="text">The text as written.</param>
    /// <param name="problem">What is wrong, if null is returned.</param>
    public static TextTemplate? Parse(string text, out string? problem)
    {
        problem = null;
        if (!text.Contains('$'))
            return new TextTemplate([new TextPart.Literal(text)]);
        var parser = new TextTemplateParser(text);
        var template = parser.Parse();
        problem = parser.Problem;
        return problem is null ? template : null;
    }

    /// <summary>Puts values in. An unknown name counts as empty, as in Woodpecker. Null if the result would be longer than <see cref="MaxLength"/>.</summary>
    /// <param name="lookup">Gives a variable's value, or null.</param>
    /// <param name="encode">Makes a value fit for where it goes, given the variable's name; null: it goes in as it is.</param>
    /// <exception cref="InvalidOperationException">The template has outputs, which are not known yet.</exception>
    public string? Expand(Func<string, string?> lookup, Func<string, string, string>? encode = null) =>
        HasOutputs ? throw new InvalidOperationException("Outputs of steps are not known yet.") : Write(lookup, encode, keepOutputs: false);

    /// <summary>Puts values in and leaves the outputs of steps for <see cref="OutputTemplate"/>: a dollar that is data becomes <c>$$</c>.</summary>
    /// <param name="lookup">Gives a variable's value, or null.</param>
    public string? ExpandAllButOutputs(Func<string, string?> lookup) => Write(lookup, null, keepOutputs: true);

    private string? Write(Func<string, string?> lookup, Func<string, string, string>? encode, bool keepOutputs)
    {
        var result = new StringBuilder();
        foreach (var part in Parts)
        {
            var piece = part switch
            {
                TextPart.Literal literal => literal.Text,
                TextPart.Variable variable when encode is null => variable.Value(lookup),
                TextPart.Variable variable => variable.Value(lookup) is { } value ? encode(variable.Name, value) : null,
                TextPart.Output output => $"${{steps.{output.Step}.outputs.{output.Key}}}",
                _ => throw new UnreachableException(),
            };
            if (piece is null || result.Length + piece.Length > MaxLength)
                return null;
            result.Append(keepOutputs && part is not TextPart.Output ? piece.Replace("$", "$$", StringComparison.Ordinal) : piece);
        }
        return result.ToString();
    }

    /// <summary>Every variable that is asked for, also inside of arguments.</summary>
    public IEnumerable<TextPart.Variable> Variables() =>
        Parts.OfType<TextPart.Variable>().SelectMany(variable => variable.Arguments.SelectMany(argument => argument.Variables()).Prepend(variable));

    /// <summary>Every output that is asked for.</summary>
    public IEnumerable<TextPart.Output> Outputs() => Parts.OfType<TextPart.Output>();
}

/// <summary>A part of a <see cref="TextTemplate"/>. A closed hierarchy.</summary>
internal abstract record TextPart
{
    private TextPart()
    {
    }

    /// <summary>Stands for itself.</summary>
    /// <param name="Text">The text, <c>$$</c> already made one dollar.</param>
    public sealed record Literal(string Text) : TextPart;

    /// <summary>An output of a step.</summary>
    /// <param name="Step">The step's name.</param>
    /// <param name="Key">The output's name.</param>
    public sealed record Output(string Step, string Key) : TextPart;

    /// <summary>A variable, and what is done to its value.</summary>
    /// <param name="Name">The variable's name.</param>
    /// <param name="Operation">What is done; null: nothing.</param>
    /// <param name="Arguments">With what.</param>
    public sealed record Variable(string Name, TextOperation? Operation, IReadOnlyList<TextTemplate> Arguments) : TextPart
    {
        /// <summary>The value after the operation; null if it would be too long.</summary>
        public string? Value(Func<string, string?> lookup)
        {
            var value = lookup(Name) ?? "";
            if (Operation is null)
                return value;
            var arguments = new string[Arguments.Count];
            for (var i = 0; i < arguments.Length; i++)
            {
                if (Arguments[i].Expand(lookup) is not { } argument)
                    return null;
                arguments[i] = argument;
            }
            return TextOperations.Apply(Operation.Value, value, arguments);
        }
    }
}

/// <summary>What can be done to a variable's value.</summary>
internal enum TextOperation
{
    /// <summary><c>${#X}</c>.</summary>
    Length,

    /// <summary><c>${X,}</c>.</summary>
    LowerFirst,

    /// <summary><c>${X,,}</c>.</summary>
    Lower,

    /// <summary><c>${X^}</c>.</summary>
    UpperFirst,

    /// <summary><c>${X^^}</c>.</summary>
    Upper,

    /// <summary><c>${X:POS}</c>, <c>${X:POS:LEN}</c>.</summary>
    Substring,

    /// <summary><c>${X=D}</c>, <c>${X:=D}</c>, <c>${X:-D}</c>, <c>${X-D}</c>.</summary>
    Default,

    /// <summary><c>${X#P}</c>.</summary>
    TrimShortestPrefix,

    /// <summary><c>${X##P}</c>.</summary>
    TrimLongestPrefix,

    /// <summary><c>${X%P}</c>.</summary>
    TrimShortestSuffix,

    /// <summary><c>${X%%P}</c>.</summary>
    TrimLongestSuffix,

    /// <summary><c>${X/A/B}</c>.</summary>
    ReplaceFirst,

    /// <summary><c>${X//A/B}</c>.</summary>
    ReplaceAll,

    /// <summary><c>${X/#A/B}</c>.</summary>
    ReplacePrefix,

    /// <summary><c>${X/%A/B}</c>.</summary>
    ReplaceSuffix,
}
