namespace BuildRunner.Core.Pipelines.Keys;

/// <summary>The keys of one mapping: of a workflow, a step, a condition.</summary>
/// <param name="Name">A stable name: <c>step</c>.</param>
/// <param name="Noun">What it is, for messages: <c>a step</c>.</param>
/// <param name="Keys">The keys, in the order of the reference.</param>
internal sealed record KeyGroup(string Name, string Noun, IReadOnlyList<KeyDefinition> Keys)
{
    private readonly Dictionary<string, KeyDefinition> byName = Keys.ToDictionary(key => key.Name, StringComparer.Ordinal);

    /// <summary>What keys of other names may hold; null: there are no others.</summary>
    public ValueKind? Others { get; init; }

    /// <summary>Said of a key of another name when such keys are accepted only for old files; null: nothing.</summary>
    public string? OthersDeprecated { get; init; }

    /// <summary>The key of that name, or null.</summary>
    public KeyDefinition? Find(string name) => byName.GetValueOrDefault(name);
}

/// <summary>One key of a pipeline file. Data: the reader's checks, the suggestion for a misspelt key, the JSON schema and the reference are made from it.</summary>
/// <param name="Name">As it is written.</param>
/// <param name="Kind">What its value may be.</param>
/// <param name="Description">What it means, in a sentence or two; Markdown.</param>
internal sealed record KeyDefinition(string Name, ValueKind Kind, string Description)
{
    /// <summary>True: its absence is an error.</summary>
    public bool Required { get; init; }

    /// <summary>True: BuildRunner's own; Woodpecker does not have it.</summary>
    public bool Own { get; init; }

    /// <summary>What holds without it, for the reference; null: nothing worth saying.</summary>
    public string? Default { get; init; }

    /// <summary>What to write instead; null: the key is current.</summary>
    public string? Deprecated { get; init; }

    /// <summary>Why the key is read and does nothing; null: it works.</summary>
    public string? NoEffect { get; init; }

    /// <summary>True: accepted and left out of the reference.</summary>
    public bool Hidden { get; init; }
}
