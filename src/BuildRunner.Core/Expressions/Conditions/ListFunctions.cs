namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Functions on lists and mappings.</summary>
internal static class ListFunctions
{
    /// <summary>The functions by name.</summary>
    public static IEnumerable<KeyValuePair<string, ExpressionFunction>> All { get; } =
    [
        Make("len", 1, 1, "int", a => new ExpressionValue.Integer(Length(a[0]))),
        Make("type", 1, 1, "string", a => new ExpressionValue.Text(a[0].Kind)),
        Make("get", 2, 2, "", a => Get(a[0], a[1]) ?? ExpressionValue.Nothing),
        Make("first", 1, 1, "", a => a.Items(0).FirstOrDefault(ExpressionValue.Nothing)),
        Make("last", 1, 1, "", a => a.Items(0).LastOrDefault(ExpressionValue.Nothing)),
        Make("take", 2, 2, "array", a => Of(a.Items(0).Take((int)Math.Clamp(a.Whole(1), 0, int.MaxValue)))),
        Make("reverse", 1, 1, "array", a => Of(a.Items(0).Reverse())),
        Make("concat", 1, int.MaxValue, "array", a => Of(a.SelectMany((_, index) => a.Items(index)))),
        Make("flatten", 1, 1, "array", a => Of(Flatten(a.Items(0), 0))),
        Make("uniq", 1, 1, "array", a => Of(Unique(a.Items(0)))),
        Make("sort", 1, 2, "array", a => Of(Sort(a.Items(0), a.Items(0), a.Count == 2 ? a.Text(1) : "asc"))),
        Make("keys", 1, 1, "array", a => Of(a.Entries(0).Keys.Select(key => new ExpressionValue.Text(key)))),
        Make("values", 1, 1, "array", a => Of(a.Entries(0).Values)),
        Make("toPairs", 1, 1, "array", a => Of(a.Entries(0).Select(entry => Of([new ExpressionValue.Text(entry.Key), entry.Value])))),
        Make("fromPairs", 1, 1, "map", FromPairs),
    ];

    /// <summary>An entry or item; null: there is none.</summary>
    public static ExpressionValue? Get(ExpressionValue target, ExpressionValue key)
    {
        switch (target)
        {
            case ExpressionValue.Map map:
                return map.Entries.GetValueOrDefault(key.Said);
            case ExpressionValue.List list when key is ExpressionValue.Integer index:
                var at = index.Value < 0 ? list.Items.Count + index.Value : index.Value;
                return at >= 0 && at < list.Items.Count ? list.Items[(int)at] : null;
            case ExpressionValue.Text text when key is ExpressionValue.Integer index:
                var place = index.Value < 0 ? text.Value.Length + index.Value : index.Value;
                return place >= 0 && place < text.Value.Length ? new ExpressionValue.Text(text.Value[(int)place].ToString()) : null;
            default:
                throw new ExpressionException($"{target.Kind} has nothing at `{key.Said}`");
        }
    }

    /// <summary>Items in the order of their keys.</summary>
    /// <param name="items">The items.</param>
    /// <param name="keys">A key for each: all numbers or all texts.</param>
    /// <param name="order"><c>asc</c> or <c>desc</c>.</param>
    public static IEnumerable<ExpressionValue> Sort(IReadOnlyList<ExpressionValue> items, IReadOnlyList<ExpressionValue> keys, string order)
    {
        if (order is not ("asc" or "desc"))
            throw new ExpressionException($"the order is `asc` or `desc`, not `{order}`");
        var pairs = items.Zip(keys).ToList();
        var sorted = keys.All(key => key is ExpressionValue.Text)
            ? pairs.OrderBy(pair => ((ExpressionValue.Text)pair.Second).Value, StringComparer.Ordinal)
            : pairs.OrderBy(pair => pair.Second.Number ?? throw new ExpressionException("only numbers, or only texts, can be sorted"));
        return order == "asc" ? sorted.Select(pair => pair.First) : sorted.Select(pair => pair.First).Reverse();
    }

    /// <summary>Characters of a text, items of a list, entries of a mapping.</summary>
    public static int Length(ExpressionValue value) => value switch
    {
        ExpressionValue.Text text => text.Value.EnumerateRunes().Count(),
        ExpressionValue.List list => list.Items.Count,
        ExpressionValue.Map map => map.Entries.Count,
        _ => throw new ExpressionException($"{value.Kind} has no length"),
    };

    private static IEnumerable<ExpressionValue> Flatten(IReadOnlyList<ExpressionValue> items, int depth) => depth > 32
        ? throw new ExpressionException("the list is nested too deeply")
        : items.SelectMany(item => item is ExpressionValue.List inner ? Flatten(inner.Items, depth + 1) : [item]);

    // Values that are the same have the same number, or kind and text.
    private static IEnumerable<ExpressionValue> Unique(IReadOnlyList<ExpressionValue> items) =>
        items.DistinctBy(item => item.Number is { } number ? (Kind: "number", Said: new ExpressionValue.Float(number).Said) : (item.Kind, item.Said));

    private static ExpressionValue FromPairs(IReadOnlyList<ExpressionValue> arguments)
    {
        var entries = new Dictionary<string, ExpressionValue>(StringComparer.Ordinal);
        foreach (var pair in arguments.Items(0))
        {
            if (pair is not ExpressionValue.List { Items: [var key, var value] })
                throw new ExpressionException("`fromPairs` takes pairs: `[[\"key\", \"value\"]]`");
            entries[key.Said] = value;
        }
        return new ExpressionValue.Map(entries);
    }

    private static ExpressionValue.List Of(IEnumerable<ExpressionValue> items) => new ExpressionValue.List([.. items]);

    private static KeyValuePair<string, ExpressionFunction> Make(string name, int min, int max, string gives, Func<IReadOnlyList<ExpressionValue>, ExpressionValue> apply) =>
        new(name, new ExpressionFunction(min, max, gives, apply));
}
