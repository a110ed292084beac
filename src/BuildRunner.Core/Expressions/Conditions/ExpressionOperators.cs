using System.Globalization;
using System.Text.RegularExpressions;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>The operators between two values; those that do not need their right operand (<c>and</c>, <c>or</c>, <c>??</c>) are the evaluator's.</summary>
internal static class ExpressionOperators
{
    private const int MaxRange = 10_000;
    private const int MaxPattern = 1000;

    // As in RE2, which Woodpecker's expressions use: more than so many repetitions are refused.
    private const int MaxRepetitions = 1000;

    /// <summary>Does it.</summary>
    /// <exception cref="ExpressionException">The operands are of wrong kinds.</exception>
    public static ExpressionValue Apply(string name, ExpressionValue left, ExpressionValue right) => name switch
    {
        "==" => ExpressionValue.Of(ExpressionValue.AreEqual(left, right)),
        "!=" => ExpressionValue.Of(!ExpressionValue.AreEqual(left, right)),
        "<" or "<=" or ">" or ">=" => ExpressionValue.Of(Compare(name, left, right)),
        "in" => ExpressionValue.Of(IsIn(left, right)),
        "contains" => ExpressionValue.Of(Text(name, left).Contains(Text(name, right), StringComparison.Ordinal)),
        "startsWith" => ExpressionValue.Of(Text(name, left).StartsWith(Text(name, right), StringComparison.Ordinal)),
        "endsWith" => ExpressionValue.Of(Text(name, left).EndsWith(Text(name, right), StringComparison.Ordinal)),
        "matches" => ExpressionValue.Of(Pattern(Text(name, right)).IsMatch(Text(name, left))),
        ".." => Range(left, right),
        "+" when left is ExpressionValue.Text a && right is ExpressionValue.Text b => new ExpressionValue.Text(a.Value + b.Value),
        _ => Calculate(name, left, right),
    };

    /// <summary>A pattern of <c>matches</c>; matching takes time linear in the text.</summary>
    /// <exception cref="ExpressionException">It is no pattern, or too large.</exception>
    public static Regex Pattern(string pattern)
    {
        if (pattern.Length > MaxPattern || Repetitions(pattern) > MaxRepetitions)
            throw new ExpressionException("the pattern behind `matches` is too large");
        try
        {
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception bad) when (bad is ArgumentException or NotSupportedException)
        {
            // The pattern is the author's; look-around and back references are left out, as in RE2.
            throw new ExpressionException($"`{pattern}` behind `matches` is no regular expression, or has look-around or back references");
        }
    }

    // The product of all counts in braces: an upper bound of how often anything is repeated.
    private static long Repetitions(string pattern)
    {
        var product = 1L;
        for (var at = pattern.IndexOf('{'); at >= 0 && product <= MaxRepetitions; at = pattern.IndexOf('{', at + 1))
        {
            var end = pattern.IndexOf('}', at);
            if (end < 0)
                break;
            foreach (var number in pattern[(at + 1)..end].Split(','))
            {
                if (long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 1)
                    product = count > MaxRepetitions ? long.MaxValue / 2 : product * count;
            }
        }
        return product;
    }

    private static bool Compare(string name, ExpressionValue left, ExpressionValue right)
    {
        var order = (left, right) switch
        {
            (ExpressionValue.Text a, ExpressionValue.Text b) => string.CompareOrdinal(a.Value, b.Value),
            _ when left.Number is { } a && right.Number is { } b => a.CompareTo(b),
            _ => throw Wrong(name, left, right),
        };
        return name switch
        {
            "<" => order < 0,
            "<=" => order <= 0,
            ">" => order > 0,
            _ => order >= 0,
        };
    }

    private static bool IsIn(ExpressionValue left, ExpressionValue right) => right switch
    {
        ExpressionValue.List list => list.Items.Any(item => ExpressionValue.AreEqual(item, left)),
        ExpressionValue.Map map => left is ExpressionValue.Text key && map.Entries.ContainsKey(key.Value),
        ExpressionValue.Nil => false,
        _ => throw Wrong("in", left, right),
    };

    private static string Text(string name, ExpressionValue value) =>
        value is ExpressionValue.Text text ? text.Value : throw new ExpressionException($"`{name}` is for texts, not for {value.Kind}");

    private static ExpressionValue.List Range(ExpressionValue left, ExpressionValue right)
    {
        if (left is not ExpressionValue.Integer { Value: var from } || right is not ExpressionValue.Integer { Value: var to })
            throw Wrong("..", left, right);
        if (to >= from && (ulong)(to - from) >= MaxRange)
            throw new ExpressionException($"a range has at most {MaxRange:N0} numbers");
        return new ExpressionValue.List([.. to < from ? [] : Enumerable.Range(0, (int)(to - from + 1)).Select(offset => new ExpressionValue.Integer(from + offset))]);
    }

    private static ExpressionValue Calculate(string name, ExpressionValue left, ExpressionValue right)
    {
        if (left.Number is not { } x || right.Number is not { } y)
            throw Wrong(name, left, right);
        if (left is ExpressionValue.Integer { Value: var a } && right is ExpressionValue.Integer { Value: var b } && name is "+" or "-" or "*" or "%")
        {
            if (name == "%" && b == 0)
                throw new ExpressionException("a division by zero");
            return new ExpressionValue.Integer(unchecked(name switch
            {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                _ => b == -1 ? 0 : a % b,
            }));
        }
        return new ExpressionValue.Float(name switch
        {
            "+" => x + y,
            "-" => x - y,
            "*" => x * y,
            "/" => x / y,
            "**" => Math.Pow(x, y),
            _ => throw Wrong(name, left, right),
        });
    }

    private static ExpressionException Wrong(string name, ExpressionValue left, ExpressionValue right) => new($"`{name}` cannot join {left.Kind} and {right.Kind}");
}
