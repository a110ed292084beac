using System.Globalization;
using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>Typed access to a checked mapping. What is absent or wrong (and was reported) is null, false or empty.</summary>
internal static class NodeValues
{
    /// <summary>A single value.</summary>
    public static TextFile? Text(this YamlNode.Mapping mapping, string key) =>
        mapping.Get(key) is YamlNode.Scalar { Text.Length: > 0 } scalar ? new TextFile(scalar.Text, scalar.Location) : null;

    /// <summary>A value, or a list of them.</summary>
    public static IReadOnlyList<TextFile> Texts(this YamlNode.Mapping mapping, string key) => Texts(mapping.Get(key));

    /// <summary>A value, or a list of them, without their places.</summary>
    public static IReadOnlyList<string> Words(this YamlNode.Mapping mapping, string key) => [.. mapping.Texts(key).Select(text => text.Text)];

    /// <summary>A value, or a list of them.</summary>
    public static IReadOnlyList<TextFile> Texts(YamlNode? node) => node switch
    {
        YamlNode.Scalar { IsNull: false } scalar => [new TextFile(scalar.Text, scalar.Location)],
        YamlNode.Sequence sequence => [.. sequence.Items.OfType<YamlNode.Scalar>().Select(scalar => new TextFile(scalar.Text, scalar.Location))],
        _ => [],
    };

    /// <summary>A boolean.</summary>
    public static bool? Flag(this YamlNode.Mapping mapping, string key) => mapping.Text(key) is { } text ? YamlScalars.ToBoolean(text.Text) : null;

    /// <summary>A whole number.</summary>
    public static int? Whole(this YamlNode.Mapping mapping, string key) => mapping.Text(key) is { } text ? Whole(text.Text) : null;

    /// <summary>A whole number.</summary>
    public static int? Whole(string text) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>A length of time.</summary>
    public static TimeSpan? Time(this YamlNode.Mapping mapping, string key) => mapping.Text(key) is { } text ? Durations.Parse(text.Text) : null;

    /// <summary>A mapping.</summary>
    public static YamlNode.Mapping? Map(this YamlNode.Mapping mapping, string key) => mapping.Get(key) as YamlNode.Mapping;

    /// <summary>Entries with a value; of several that differ only in what the caller does not care about, all.</summary>
    public static IReadOnlyList<YamlEntry> EntriesOf(this YamlNode.Mapping mapping, string key) => [.. mapping.Map(key)?.Entries.Where(entry => !entry.Value.IsNull) ?? []];

    /// <summary>One, or a list of them.</summary>
    public static IEnumerable<YamlNode> OneOrMany(this YamlNode.Mapping mapping, string key) => mapping.Get(key) switch
    {
        null => [],
        YamlNode.Sequence sequence => sequence.Items,
        var node => [node],
    };

    /// <summary>Names and texts.</summary>
    public static IReadOnlyDictionary<string, string> Pairs(this YamlNode.Mapping mapping, string key)
    {
        var pairs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in mapping.Map(key)?.Entries ?? [])
        {
            if (entry.Value is YamlNode.Scalar scalar)
                pairs[entry.Key] = scalar.IsNull ? "" : scalar.Text;
        }
        return pairs;
    }

    /// <summary>Patterns to include and exclude; null if there are none.</summary>
    public static PatternsFile? Patterns(this YamlNode.Mapping mapping, string key)
    {
        var patterns = mapping.Map(key) is { } map ? new PatternsFile(map.Words("include"), map.Words("exclude")) : new PatternsFile(mapping.Words(key), []);
        return patterns.Include.Count + patterns.Exclude.Count > 0 ? patterns : null;
    }
}
