using System.Diagnostics;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Functions, and predicates over lists.</summary>
internal sealed partial class ExpressionEvaluator
{
    private ExpressionValue Call(ExpressionNode.Call call)
    {
        ExpressionFunctions.TryGet(call.Function, out var function);
        if (!function!.TakesPredicate)
        {
            var arguments = call.Arguments.Select(Evaluate).ToList();
            Spend(arguments.Sum(argument => argument.Size));
            return function.Apply!(arguments);
        }
        var list = Evaluate(call.Arguments[0]) is ExpressionValue.List { Items: var members } ? members : throw new ExpressionException($"`{call.Function}` takes a list");
        var body = call.Arguments.Count > 1 ? ((ExpressionNode.Predicate)call.Arguments[1]).Body : new ExpressionNode.Pointer("");
        var third = call.Arguments.Count > 2 ? Evaluate(call.Arguments[2]) : null;
        return call.Function switch
        {
            "all" => ExpressionValue.Of(Holding(list, body).Count() == list.Count),
            "any" => ExpressionValue.Of(Holding(list, body).Any()),
            "one" => ExpressionValue.Of(Holding(list, body).Take(2).Count() == 1),
            "none" => ExpressionValue.Of(!Holding(list, body).Any()),
            "filter" => new ExpressionValue.List([.. Holding(list, body).Select(index => list[index])]),
            "map" => new ExpressionValue.List([.. Each(list, body)]),
            "find" => Holding(list, body).Select(index => list[index]).FirstOrDefault(ExpressionValue.Nothing),
            "findIndex" => Holding(list, body).Select(Index).FirstOrDefault(ExpressionValue.Nothing),
            "findLast" => Holding(list, body).Select(index => list[index]).LastOrDefault(ExpressionValue.Nothing),
            "findLastIndex" => Holding(list, body).Select(Index).LastOrDefault(ExpressionValue.Nothing),
            "count" => new ExpressionValue.Integer(Holding(list, body).Count()),
            "sum" => Each(list, body).Aggregate((ExpressionValue)new ExpressionValue.Integer(0), (sum, value) => ExpressionOperators.Apply("+", sum, value)),
            "groupBy" => GroupBy(list, body),
            "sortBy" => new ExpressionValue.List([.. ListFunctions.Sort(list, [.. Each(list, body)], third is null ? "asc" : new[] { third }.Text(0))]),
            "reduce" => Reduce(list, body, third),
            _ => throw new UnreachableException(),
        };
    }

    private static ExpressionValue Index(int index) => new ExpressionValue.Integer(index);

    private IEnumerable<ExpressionValue> Each(IReadOnlyList<ExpressionValue> list, ExpressionNode body) => list.Select((item, index) => Inside(new Item(item, index, null), body));

    private IEnumerable<int> Holding(IReadOnlyList<ExpressionValue> list, ExpressionNode body) =>
        Enumerable.Range(0, list.Count).Where(index => IsTrue(Inside(new Item(list[index], index, null), body)));

    private ExpressionValue.Map GroupBy(IReadOnlyList<ExpressionValue> list, ExpressionNode body)
    {
        var keys = Each(list, body).Select(key => key.Said).ToList();
        return new ExpressionValue.Map(list.Zip(keys).GroupBy(pair => pair.Second, pair => pair.First, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, ExpressionValue (group) => new ExpressionValue.List([.. group]), StringComparer.Ordinal));
    }

    private ExpressionValue Reduce(IReadOnlyList<ExpressionValue> list, ExpressionNode body, ExpressionValue? initial)
    {
        if (initial is null && list.Count == 0)
            throw new ExpressionException("`reduce` of an empty list needs an initial value");
        var result = initial ?? list[0];
        for (var index = initial is null ? 1 : 0; index < list.Count; index++)
            result = Inside(new Item(list[index], index, result), body);
        return result;
    }

    private ExpressionValue Inside(Item item, ExpressionNode body)
    {
        items.Push(item);
        var value = Evaluate(body);
        items.Pop();
        return value;
    }

    private ExpressionValue Pointer(string name)
    {
        if (!items.TryPeek(out var item))
            throw new ExpressionException("`#` has a meaning only in a predicate");
        return name switch
        {
            "acc" => item.Accumulator ?? throw new ExpressionException("`#acc` has a meaning only in `reduce`"),
            "index" => Index(item.Index),
            _ => item.Value,
        };
    }

    private sealed record Item(ExpressionValue Value, int Index, ExpressionValue? Accumulator);
}
