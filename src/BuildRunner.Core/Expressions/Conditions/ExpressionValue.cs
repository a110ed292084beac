using System.Diagnostics;
using System.Globalization;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>A value in an expression. A closed hierarchy.</summary>
internal abstract record ExpressionValue
{
    private ExpressionValue()
    {
    }

    /// <summary>Nothing: <c>nil</c>.</summary>
    public sealed record Nil : ExpressionValue;

    /// <summary><c>true</c> or <c>false</c>.</summary>
    /// <param name="Value">Which.</param>
    public sealed record Boolean(bool Value) : ExpressionValue;

    /// <summary>A whole number.</summary>
    /// <param name="Value">The number.</param>
    public sealed record Integer(long Value) : ExpressionValue;

    /// <summary>A number with a fraction.</summary>
    /// <param name="Value">The number.</param>
    public sealed record Float(double Value) : ExpressionValue;

    /// <summary>A text; every variable is one.</summary>
    /// <param name="Value">The text.</param>
    public sealed record Text(string Value) : ExpressionValue
    {
        /// <inheritdoc/>
        public override long Size => Value.Length;
    }

    /// <summary>A list.</summary>
    /// <param name="Items">Its items.</param>
    public sealed record List(IReadOnlyList<ExpressionValue> Items) : ExpressionValue
    {
        /// <inheritdoc/>
        public override long Size { get; } = Items.Aggregate(1L, (sum, item) => Math.Min(sum + item.Size + 1, long.MaxValue / 4));
    }

    /// <summary>A mapping.</summary>
    /// <param name="Entries">Its entries.</param>
    public sealed record Map(IReadOnlyDictionary<string, ExpressionValue> Entries) : ExpressionValue
    {
        /// <inheritdoc/>
        public override long Size { get; } = Entries.Values.Aggregate(1L, (sum, item) => Math.Min(sum + item.Size + 1, long.MaxValue / 4));
    }

    /// <summary><c>nil</c>.</summary>
    public static ExpressionValue Nothing { get; } = new Nil();

    /// <summary><c>true</c>.</summary>
    public static ExpressionValue True { get; } = new Boolean(true);

    /// <summary><c>false</c>.</summary>
    public static ExpressionValue False { get; } = new Boolean(false);

    /// <summary>One of the two.</summary>
    public static ExpressionValue Of(bool value) => value ? True : False;

    /// <summary>What it is, as the function <c>type</c> says.</summary>
    public string Kind => this switch
    {
        Nil => "nil",
        Boolean => "bool",
        Integer => "int",
        Float => "float",
        Text => "string",
        List => "array",
        Map => "map",
        _ => throw new UnreachableException(),
    };

    /// <summary>How much room it takes with everything in it, for the evaluator's budget.</summary>
    public virtual long Size => 0;

    /// <summary>The number, or null if it is none.</summary>
    public double? Number => this switch
    {
        Integer integer => integer.Value,
        Float number => number.Value,
        _ => null,
    };

    /// <summary>As text, as the function <c>string</c> says.</summary>
    public string Said => this switch
    {
        Nil => "<nil>",
        Boolean boolean => boolean.Value ? "true" : "false",
        Integer integer => integer.Value.ToString(CultureInfo.InvariantCulture),
        Float number => number.Value.ToString("R", CultureInfo.InvariantCulture),
        Text text => text.Value,
        _ => ExpressionJson.Write(this),
    };

    /// <summary>Whether two values are the same; a whole number and one with a fraction can be.</summary>
    public static bool AreEqual(ExpressionValue left, ExpressionValue right) => (left, right) switch
    {
        (Integer a, Integer b) => a.Value == b.Value,
        (List a, List b) => a.Items.Count == b.Items.Count && a.Items.Zip(b.Items).All(pair => AreEqual(pair.First, pair.Second)),
        (Map a, Map b) => a.Entries.Count == b.Entries.Count && a.Entries.All(entry => b.Entries.TryGetValue(entry.Key, out var other) && AreEqual(entry.Value, other)),
        _ when left.Number is { } a && right.Number is { } b => a.Equals(b),
        _ => left.Equals(right),
    };
}

/// <summary>An expression that cannot be evaluated.</summary>
internal sealed class ExpressionException : Exception
{
    /// <summary>Makes one.</summary>
    /// <param name="message">What is wrong, a sentence without a capital letter and full stop.</param>
    public ExpressionException(string message)
        : base(message)
    {
    }
}
