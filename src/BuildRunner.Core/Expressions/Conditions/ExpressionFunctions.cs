using System.Diagnostics.CodeAnalysis;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>A function that expressions can call.</summary>
/// <param name="Min">Least number of arguments.</param>
/// <param name="Max">Greatest number of arguments.</param>
/// <param name="Gives">What comes out, as <see cref="ExpressionValue.Kind"/> says it; empty: that depends.</param>
/// <param name="Apply">Does it; null: the second argument is a predicate, and the evaluator does it.</param>
internal sealed record ExpressionFunction(int Min, int Max, string Gives, Func<IReadOnlyList<ExpressionValue>, ExpressionValue>? Apply)
{
    /// <summary>True if the second argument is evaluated for each item of the first.</summary>
    public bool TakesPredicate => Apply is null;
}

/// <summary>Every function of expr-lang's language definition but those of dates, which would need a clock.</summary>
internal static class ExpressionFunctions
{
    private static readonly Dictionary<string, ExpressionFunction> All = new(TextFunctions.All.Concat(NumberFunctions.All).Concat(ListFunctions.All).Concat(Predicates()), StringComparer.Ordinal);

    /// <summary>Their names.</summary>
    public static IReadOnlyCollection<string> Names => All.Keys;

    /// <summary>Finds one.</summary>
    public static bool TryGet(string name, [NotNullWhen(true)] out ExpressionFunction? function) => All.TryGetValue(name, out function);

    private static IEnumerable<KeyValuePair<string, ExpressionFunction>> Predicates()
    {
        foreach (var name in new[] { "all", "any", "one", "none" })
            yield return new(name, new ExpressionFunction(2, 2, "bool", null));
        foreach (var name in new[] { "filter", "map" })
            yield return new(name, new ExpressionFunction(2, 2, "array", null));
        foreach (var name in new[] { "findIndex", "findLastIndex" })
            yield return new(name, new ExpressionFunction(2, 2, "", null));
        foreach (var name in new[] { "find", "findLast" })
            yield return new(name, new ExpressionFunction(2, 2, "", null));
        yield return new("groupBy", new ExpressionFunction(2, 2, "map", null));
        yield return new("count", new ExpressionFunction(1, 2, "int", null));
        yield return new("sum", new ExpressionFunction(1, 2, "", null));
        yield return new("sortBy", new ExpressionFunction(2, 3, "array", null));
        yield return new("reduce", new ExpressionFunction(2, 3, "", null));
    }
}

/// <summary>Reads arguments of functions.</summary>
internal static class Arguments
{
    /// <summary>An argument that must be a text.</summary>
    public static string Text(this IReadOnlyList<ExpressionValue> arguments, int index) =>
        arguments[index] is ExpressionValue.Text text ? text.Value : throw Wrong(arguments[index], "a text");

    /// <summary>An argument that must be a whole number.</summary>
    public static long Whole(this IReadOnlyList<ExpressionValue> arguments, int index) =>
        arguments[index] is ExpressionValue.Integer integer ? integer.Value : throw Wrong(arguments[index], "a whole number");

    /// <summary>An argument that must be a number.</summary>
    public static double Number(this IReadOnlyList<ExpressionValue> arguments, int index) => arguments[index].Number ?? throw Wrong(arguments[index], "a number");

    /// <summary>An argument that must be a list.</summary>
    public static IReadOnlyList<ExpressionValue> Items(this IReadOnlyList<ExpressionValue> arguments, int index) =>
        arguments[index] is ExpressionValue.List list ? list.Items : throw Wrong(arguments[index], "a list");

    /// <summary>An argument that must be a mapping.</summary>
    public static IReadOnlyDictionary<string, ExpressionValue> Entries(this IReadOnlyList<ExpressionValue> arguments, int index) =>
        arguments[index] is ExpressionValue.Map map ? map.Entries : throw Wrong(arguments[index], "a mapping");

    private static ExpressionException Wrong(ExpressionValue value, string expected) => new($"{expected} is expected, not {value.Kind}");
}
