using System.Globalization;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Functions on numbers.</summary>
internal static class NumberFunctions
{
    /// <summary>The functions by name.</summary>
    public static IEnumerable<KeyValuePair<string, ExpressionFunction>> All { get; } =
    [
        Make("abs", 1, "", a => a[0] is ExpressionValue.Integer integer ? Of(integer.Value < 0 ? unchecked(-integer.Value) : integer.Value) : Of(Math.Abs(a.Number(0)))),
        Make("ceil", 1, "float", a => Of(Math.Ceiling(a.Number(0)))),
        Make("floor", 1, "float", a => Of(Math.Floor(a.Number(0)))),
        Make("round", 1, "float", a => Of(Math.Round(a.Number(0), MidpointRounding.AwayFromZero))),
        new("max", new ExpressionFunction(1, int.MaxValue, "", a => Extreme(a, 1))),
        new("min", new ExpressionFunction(1, int.MaxValue, "", a => Extreme(a, -1))),
        Make("mean", 1, "float", a => Of(a.Items(0).Count == 0 ? 0 : a.Items(0).Select((_, index) => a.Items(0).Number(index)).Average())),
        Make("median", 1, "float", a => Of(Median([.. a.Items(0).Select((_, index) => a.Items(0).Number(index)).Order()]))),
        Make("int", 1, "int", Whole),
        Make("float", 1, "float", Float),
        Make("bitand", 2, "int", a => Of(a.Whole(0) & a.Whole(1))),
        Make("bitor", 2, "int", a => Of(a.Whole(0) | a.Whole(1))),
        Make("bitxor", 2, "int", a => Of(a.Whole(0) ^ a.Whole(1))),
        Make("bitnand", 2, "int", a => Of(a.Whole(0) & ~a.Whole(1))),
        Make("bitnot", 1, "int", a => Of(~a.Whole(0))),
        Make("bitshl", 2, "int", a => Of(Shift(a) is var by and < 64 ? a.Whole(0) << by : 0)),
        Make("bitshr", 2, "int", a => Of(a.Whole(0) >> Math.Min(Shift(a), 63))),
        Make("bitushr", 2, "int", a => Of(Shift(a) is var by and < 64 ? a.Whole(0) >>> by : 0)),
    ];

    private static int Shift(IReadOnlyList<ExpressionValue> arguments) =>
        arguments.Whole(1) is var by and >= 0 ? (int)Math.Min(by, 64) : throw new ExpressionException("a shift cannot be negative");

    private static ExpressionValue Extreme(IReadOnlyList<ExpressionValue> arguments, int sign)
    {
        var numbers = arguments.SelectMany(argument => argument is ExpressionValue.List list ? list.Items : [argument]).ToList();
        if (numbers.Count == 0)
            throw new ExpressionException("`max` and `min` need a number");
        return numbers.Aggregate((best, next) => Compare(next, best) * sign > 0 ? next : best);
    }

    private static int Compare(ExpressionValue left, ExpressionValue right) => new[] { left, right }.Number(0).CompareTo(new[] { left, right }.Number(1));

    private static double Median(double[] numbers) => numbers.Length == 0 ? 0
        : numbers.Length % 2 == 1 ? numbers[numbers.Length / 2]
        : (numbers[(numbers.Length / 2) - 1] + numbers[numbers.Length / 2]) / 2;

    private static ExpressionValue Whole(IReadOnlyList<ExpressionValue> arguments) => arguments[0] switch
    {
        ExpressionValue.Integer integer => integer,
        ExpressionValue.Float number when Math.Abs(number.Value) < 9e18 => Of((long)number.Value),
        ExpressionValue.Text text when long.TryParse(text.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) => Of(value),
        var other => throw new ExpressionException($"`int` cannot make a whole number of `{other.Said}`"),
    };

    private static ExpressionValue Float(IReadOnlyList<ExpressionValue> arguments) => arguments[0] switch
    {
        ExpressionValue.Text text when double.TryParse(text.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) => Of(value),
        { Number: { } number } => Of(number),
        var other => throw new ExpressionException($"`float` cannot make a number of `{other.Said}`"),
    };

    private static ExpressionValue.Float Of(double number) => new ExpressionValue.Float(number);

    private static ExpressionValue.Integer Of(long number) => new ExpressionValue.Integer(number);

    private static KeyValuePair<string, ExpressionFunction> Make(string name, int count, string gives, Func<IReadOnlyList<ExpressionValue>, ExpressionValue> apply) =>
        new(name, new ExpressionFunction(count, count, gives, apply));
}
