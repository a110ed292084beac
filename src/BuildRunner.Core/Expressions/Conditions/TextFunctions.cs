using System.Text;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Functions on texts.</summary>
internal static class TextFunctions
{
    private static readonly char[] Space = [' ', '\t', '\n', '\v', '\f', '\r', '\u0085', '\u00A0'];

    /// <summary>The functions by name.</summary>
    public static IEnumerable<KeyValuePair<string, ExpressionFunction>> All { get; } =
    [
        Make("trim", 1, 2, "string", a => Of(a.Count == 1 ? a.Text(0).Trim(Space) : a.Text(0).Trim(a.Text(1).ToCharArray()))),
        Make("trimPrefix", 2, 2, "string", a => Of(a.Text(0).StartsWith(a.Text(1), StringComparison.Ordinal) ? a.Text(0)[a.Text(1).Length..] : a.Text(0))),
        Make("trimSuffix", 2, 2, "string", a => Of(a.Text(0).EndsWith(a.Text(1), StringComparison.Ordinal) ? a.Text(0)[..^a.Text(1).Length] : a.Text(0))),
        Make("upper", 1, 1, "string", a => Of(a.Text(0).ToUpperInvariant())),
        Make("lower", 1, 1, "string", a => Of(a.Text(0).ToLowerInvariant())),
        Make("split", 2, 3, "array", a => Split(a, keep: false)),
        Make("splitAfter", 2, 3, "array", a => Split(a, keep: true)),
        Make("replace", 3, 3, "string", Replace),
        Make("repeat", 2, 2, "string", Repeat),
        Make("indexOf", 2, 2, "int", a => new ExpressionValue.Integer(a.Text(0).IndexOf(a.Text(1), StringComparison.Ordinal))),
        Make("lastIndexOf", 2, 2, "int", a => new ExpressionValue.Integer(a.Text(0).LastIndexOf(a.Text(1), StringComparison.Ordinal))),
        Make("hasPrefix", 2, 2, "bool", a => ExpressionValue.Of(a.Text(0).StartsWith(a.Text(1), StringComparison.Ordinal))),
        Make("hasSuffix", 2, 2, "bool", a => ExpressionValue.Of(a.Text(0).EndsWith(a.Text(1), StringComparison.Ordinal))),
        Make("join", 1, 2, "string", Join),
        Make("string", 1, 1, "string", a => Of(a[0].Said)),
        Make("toJSON", 1, 1, "string", a => Of(ExpressionJson.Write(a[0]))),
        Make("fromJSON", 1, 1, "", a => ExpressionJson.Read(a.Text(0))),
        Make("toBase64", 1, 1, "string", a => Of(Convert.ToBase64String(Encoding.UTF8.GetBytes(a.Text(0))))),
        Make("fromBase64", 1, 1, "string", FromBase64),
    ];

    private static ExpressionValue.List Split(IReadOnlyList<ExpressionValue> arguments, bool keep)
    {
        var (text, delimiter) = (arguments.Text(0), arguments.Text(1));
        var limit = arguments.Count == 3 ? arguments.Whole(2) : -1;
        if (limit == 0)
            return new ExpressionValue.List([]);
        if (delimiter.Length == 0)
            return new ExpressionValue.List([.. text.EnumerateRunes().Select(rune => Of(rune.ToString()))]);
        var parts = limit < 0 ? text.Split(delimiter) : text.Split(delimiter, (int)Math.Min(limit, int.MaxValue));
        return new ExpressionValue.List([.. parts.Select((part, index) => Of(keep && index < parts.Length - 1 ? part + delimiter : part))]);
    }

    private static ExpressionValue Replace(IReadOnlyList<ExpressionValue> arguments)
    {
        var (text, old, replacement) = (arguments.Text(0), arguments.Text(1), arguments.Text(2));
        return Of(TextOperations.Apply(TextOperation.ReplaceAll, text, [old, replacement]) ?? throw TooLong());
    }

    private static ExpressionValue Repeat(IReadOnlyList<ExpressionValue> arguments)
    {
        var (text, count) = (arguments.Text(0), arguments.Whole(1));
        if (count < 0)
            throw new ExpressionException("`repeat` needs a count that is not negative");
        if (text.Length > 0 && count > TextTemplate.MaxLength / text.Length)
            throw TooLong();
        return Of(new StringBuilder().Insert(0, text, text.Length == 0 ? 0 : (int)count).ToString());
    }

    private static ExpressionValue Join(IReadOnlyList<ExpressionValue> arguments)
    {
        var delimiter = arguments.Count == 2 ? arguments.Text(1) : "";
        var items = arguments.Items(0);
        if (items.Sum(item => item.Size + delimiter.Length) > TextTemplate.MaxLength)
            throw TooLong();
        return Of(string.Join(delimiter, items.Select((_, index) => items.Text(index))));
    }

    private static ExpressionValue FromBase64(IReadOnlyList<ExpressionValue> arguments)
    {
        var bytes = new byte[arguments.Text(0).Length];
        return Convert.TryFromBase64String(arguments.Text(0), bytes, out var length)
            ? Of(Encoding.UTF8.GetString(bytes, 0, length))
            : throw new ExpressionException("`fromBase64` is given what is no Base64");
    }

    private static ExpressionException TooLong() => new("it makes a text that is too long");

    private static ExpressionValue.Text Of(string text) => new ExpressionValue.Text(text);

    private static KeyValuePair<string, ExpressionFunction> Make(string name, int min, int max, string gives, Func<IReadOnlyList<ExpressionValue>, ExpressionValue> apply) =>
        new(name, new ExpressionFunction(min, max, gives, apply));
}
