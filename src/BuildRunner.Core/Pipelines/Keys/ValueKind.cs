namespace BuildRunner.Core.Pipelines.Keys;

/// <summary>What a value in a pipeline file may be. Data: reading, the JSON schema and the reference are all made from it. A closed hierarchy.</summary>
internal abstract record ValueKind
{
    private ValueKind()
    {
    }

    /// <summary>Any single value, taken as text.</summary>
    /// <param name="MayBeEmpty">False: the empty text is an error.</param>
    /// <param name="Later">True: it is substituted where it is used; a value that was put in must not be read for names again.</param>
    public sealed record Text(bool MayBeEmpty = false, bool Later = false) : ValueKind;

    /// <summary>One of some words.</summary>
    /// <param name="Words">The words.</param>
    public sealed record Choice(params string[] Words) : ValueKind
    {
        /// <summary>Words of old files that are accepted, remarked, and mean nothing.</summary>
        public string[] Old { get; init; } = [];
    }

    /// <summary><c>true</c> or <c>false</c>, and the other spellings of YAML 1.1.</summary>
    public sealed record Boolean : ValueKind;

    /// <summary>A whole number.</summary>
    /// <param name="Min">Least.</param>
    /// <param name="Max">Greatest.</param>
    public sealed record Integer(int Min, int Max) : ValueKind;

    /// <summary>A number that may have a fraction.</summary>
    /// <param name="Min">Least.</param>
    /// <param name="Max">Greatest.</param>
    public sealed record Fraction(double Min, double Max) : ValueKind;

    /// <summary>A length of time: <c>90s</c>, <c>1h30m</c>.</summary>
    public sealed record Duration : ValueKind;

    /// <summary>A number of bytes: <c>512m</c>, <c>2GiB</c>.</summary>
    /// <param name="Min">Least.</param>
    public sealed record Size(long Min = 1) : ValueKind;

    /// <summary>A glob pattern with <c>**</c> and <c>{a,b}</c>.</summary>
    public sealed record GlobPattern : ValueKind;

    /// <summary>An expression of <c>evaluate</c>.</summary>
    public sealed record Condition : ValueKind;

    /// <summary>Shell commands.</summary>
    public sealed record Script : ValueKind;

    /// <summary>Data of any shape, in which <c>from_secret</c> names a secret.</summary>
    public sealed record Data : ValueKind;

    /// <summary>Anything, not looked at.</summary>
    public sealed record Anything : ValueKind;

    /// <summary>A list.</summary>
    /// <param name="Item">What each item may be.</param>
    /// <param name="Min">Least number of items.</param>
    public sealed record List(ValueKind Item, int Min = 0) : ValueKind;

    /// <summary>One, or a list of them.</summary>
    /// <param name="Item">What each may be.</param>
    /// <param name="Min">Least number of items of the list.</param>
    public sealed record OneOrMany(ValueKind Item, int Min = 0) : ValueKind;

    /// <summary>A mapping with keys of the user's choice.</summary>
    /// <param name="KeyName">What the keys are, for the reference: <c>NAME</c>.</param>
    /// <param name="Item">What each value may be.</param>
    /// <param name="Min">Least number of entries.</param>
    public sealed record Map(string KeyName, ValueKind Item, int Min = 0) : ValueKind;

    /// <summary>A mapping with known keys.</summary>
    /// <param name="Group">The keys.</param>
    public sealed record Keys(KeyGroup Group) : ValueKind;

    /// <summary>One of several kinds, told apart by what is written: a single value, a list or a mapping.</summary>
    /// <param name="Kinds">The kinds.</param>
    public sealed record AnyOf(params ValueKind[] Kinds) : ValueKind;

    /// <summary>What is expected, for messages.</summary>
    public string Expectation => this switch
    {
        Text or GlobPattern or Condition => "text",
        Script => "a command",
        Choice choice => string.Join(" or ", choice.Words.Select(word => $"`{word}`")),
        Boolean => "`true` or `false`",
        Integer { Min: int.MinValue } or Integer { Max: int.MaxValue, Min: 0 } => "a whole number",
        Integer { Max: int.MaxValue } integer => $"a whole number, at least {integer.Min}",
        Integer integer => $"a whole number from {integer.Min} to {integer.Max}",
        Fraction => "a number",
        Duration => "a duration such as `90s` or `10m`",
        Size => "a size such as `512m` or `2g`",
        Data or Anything => "a value",
        List => "a list",
        OneOrMany many => $"{many.Item.Expectation}, or a list",
        Map or Keys => "a mapping",
        AnyOf any => string.Join(" or ", any.Kinds.Select(kind => kind.Expectation).Distinct()),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
