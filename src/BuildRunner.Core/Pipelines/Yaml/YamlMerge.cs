namespace BuildRunner.Core.Pipelines.Yaml;

/// <summary>
/// Gathers the entries of one mapping and resolves its merge keys: <c>&lt;&lt;: *map</c>, <c>&lt;&lt;: [*map, *map]</c> (the first one wins, what is
/// written in the mapping itself wins over all), and for an item of a list <c>- &lt;&lt;: *list</c>, which puts that list's items in its place.
/// </summary>
/// <param name="diagnostics">Where problems go.</param>
/// <param name="inList">True if the mapping is an item of a list, so that lists can take its place.</param>
internal sealed class YamlMerge(DiagnosticBag diagnostics, bool inList)
{
    // In file order: an entry, or a mapping whose entries come here unless the mapping has them itself.
    private readonly List<(YamlEntry? Entry, YamlNode.Mapping? Merged)> slots = [];
    private readonly Dictionary<string, YamlEntry> own = new(StringComparer.Ordinal);
    private readonly List<YamlNode.Sequence> sequences = [];
    private SourceLocation firstSequence;

    /// <summary>Adds an entry that is written in the mapping.</summary>
    public void AddEntry(YamlEntry entry)
    {
        if (own.TryGetValue(entry.Key, out var first))
        {
            diagnostics.Error(DiagnosticCodes.DuplicateKey, entry.KeyLocation, $"`{Short(entry.Key)}` is already in line {first.KeyLocation.Line}", "Remove one of the two");
            return;
        }
        own.Add(entry.Key, entry);
        slots.Add((entry, null));
    }

    /// <summary>Adds the value of a merge key.</summary>
    /// <param name="key">Where the key is.</param>
    /// <param name="value">Its value.</param>
    /// <param name="byAlias">True if the value was written as an alias: <c>- &lt;&lt;: *steps</c> then names a list of items, not a list of mappings to be merged.</param>
    public void AddMerge(SourceLocation key, YamlNode value, bool byAlias)
    {
        switch (value)
        {
            case YamlNode.Mapping mapping:
                slots.Add((null, mapping));
                break;
            case YamlNode.Sequence list when All<YamlNode.Mapping>(list) && !(inList && byAlias):
                slots.AddRange(list.Items.Select(item => ((YamlEntry?)null, (YamlNode.Mapping?)item)));
                break;
            case YamlNode.Sequence list when inList:
                firstSequence = sequences.Count == 0 ? key : firstSequence;
                sequences.AddRange(!byAlias && All<YamlNode.Sequence>(list) ? list.Items.Cast<YamlNode.Sequence>() : [list]);
                break;
            default:
                diagnostics.Error(DiagnosticCodes.BadMerge, key, "only a mapping, or a list of mappings, can be merged into a mapping", "Refer to one with an alias: `<<: *name`; lists are merged as items of a list: `- <<: *name`");
                break;
        }
    }

    /// <summary>The mapping; or, through <paramref name="spliced"/>, the lists that take its place in a list.</summary>
    public YamlNode.Mapping ToMapping(SourceLocation location, out IReadOnlyList<YamlNode.Sequence>? spliced)
    {
        spliced = sequences.Count > 0 && slots.Count == 0 ? sequences : null;
        if (sequences.Count > 0 && spliced is null)
            diagnostics.Error(DiagnosticCodes.BadMerge, firstSequence, "a list cannot be merged into a mapping", "Write `- <<: *name` as an item of a list");
        var entries = new List<YamlEntry>();
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (entry, merged) in slots)
        {
            if (entry is not null)
                entries.Add(entry);
            else
                entries.AddRange(merged!.Entries.Where(inherited => !own.ContainsKey(inherited.Key) && taken.Add(inherited.Key)));
        }
        return new YamlNode.Mapping(location, entries);
    }

    private static bool All<T>(YamlNode.Sequence list) => list.Items.Count > 0 && list.Items.All(item => item is T);

    private static string Short(string key) => key.Length <= 60 ? key : key[..57] + "...";
}
