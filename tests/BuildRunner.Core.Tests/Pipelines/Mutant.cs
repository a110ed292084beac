using System.Globalization;
using System.Text;
using System.Text.Json;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Tests.Pipelines;

/// <summary>A valid file with one mistake put into it.</summary>
/// <param name="Kind">What kind of mistake.</param>
/// <param name="Code">What it must be refused with.</param>
/// <param name="Root">The file.</param>
/// <param name="At">The keys and values that are wrong; one of them must be named.</param>
/// <param name="SeenBySchema">Whether a JSON schema can tell.</param>
internal sealed record Mutant(string Kind, string Code, YamlNode.Mapping Root, IReadOnlyList<object> At, bool SeenBySchema)
{
    private static readonly SourceLocation Nowhere = new("", 1, 1);

    /// <summary>Every mutant of a file.</summary>
    public static IEnumerable<Mutant> Of(YamlNode.Mapping root)
    {
        foreach (var place in Places(root, WorkflowKeys.File))
        {
            if (place.Key is { } key && place.Group is { Others: null })
                yield return Misspelt(root, place, key);
            if (place.Value != root && Wrong(place.Kind) is { } wrong)
                yield return Replaced(root, place, wrong);
            if (place.Kind is ValueKind.Keys { Group: { } group } && group == StepKeys.Step && place.Value is YamlNode.Mapping step)
            {
                foreach (var mutant in OfStep(root, step))
                    yield return mutant;
            }
        }
        foreach (var mutant in Cycles(root))
            yield return mutant;
    }

    // A letter too much in the middle of a key.
    private static Mutant Misspelt(YamlNode.Mapping root, Place place, YamlEntry key)
    {
        var wrong = key with { Key = key.Key.Insert(key.Key.Length / 2, "q") };
        return new Mutant($"misspelt {key.Key}", "BR1020", Swap(root, place.Owner!, With(place.Owner!, key, wrong)), [wrong], true);
    }

    private static Mutant Replaced(YamlNode.Mapping root, Place place, (string Code, YamlNode Node, bool Seen) wrong) =>
        new($"{place.Kind.GetType().Name} becomes {wrong.Node.Description}", wrong.Code, Swap(root, place.Value, wrong.Node), [wrong.Node, .. Children(wrong.Node)], wrong.Seen);

    private static IEnumerable<Mutant> OfStep(YamlNode.Mapping root, YamlNode.Mapping step)
    {
        foreach (var (key, value, code, seen) in new (string, string, string, bool)[]
        {
            ("timeout", "10 minutes", "BR1024", true), ("retry", "eleven", "BR1021", true), ("depends_on", "nobody at all", "BR1041", false), ("failure", "ignored", "BR1022", true),
            ("directory", "a${", "BR1028", false), ("privileged", "perhaps", "BR1021", true),
        })
        {
            var entry = new YamlEntry(key, Nowhere, Text(value));
            yield return new Mutant($"{key}: {value}", code, Swap(root, step, Put(step, entry)), [entry, entry.Value], seen);
        }
        foreach (var (key, value, code) in new[] { ("branch", "a[", "BR1026"), ("path", "{a,b", "BR1026"), ("evaluate", "CI_REPO = 1", "BR1027"), ("evaluate", "nothing(1)", "BR1027") })
        {
            var entry = new YamlEntry(key, Nowhere, Text(value));
            yield return new Mutant($"when {key}: {value}", code, Swap(root, step, Put(step, new YamlEntry("when", Nowhere, new YamlNode.Mapping(Nowhere, [entry])))), [entry, entry.Value], false);
        }
        if (step.Find("image") is { } image)
        {
            var without = Put(new YamlNode.Mapping(Nowhere, [.. step.Entries.Where(entry => entry != image)]), new YamlEntry("pull", Nowhere, Text("true")));
            yield return new Mutant("image is absent", "BR1029", Swap(root, step, without), [without], true);
        }
    }

    private static IEnumerable<Mutant> Cycles(YamlNode.Mapping root)
    {
        var key = root.Find("steps") is null ? "pipeline" : "steps";
        var steps = root.Get(key) switch
        {
            YamlNode.Sequence list => list.Items.OfType<YamlNode.Mapping>().Where(step => step.Get("name") is not null).Select(step => (Name: ((YamlNode.Scalar)step.Get("name")!).Text, Step: step)).ToList(),
            YamlNode.Mapping map => [.. map.Entries.Where(entry => entry.Value is YamlNode.Mapping).Select(entry => (entry.Key, (YamlNode.Mapping)entry.Value))],
            _ => [],
        };
        foreach (var (name, step) in steps)
        {
            var entry = new YamlEntry("depends_on", Nowhere, new YamlNode.Sequence(Nowhere, [Text(name)]));
            yield return new Mutant("a step needs itself", "BR1042", Swap(root, step, Put(step, entry)), [((YamlNode.Sequence)entry.Value).Items[0]], false);
        }
        if (steps.Count < 2)
            yield break;
        var (first, second) = (new YamlEntry("depends_on", Nowhere, Text(steps[1].Name)), new YamlEntry("depends_on", Nowhere, Text(steps[0].Name)));
        var once = Swap(root, steps[0].Step, Put(steps[0].Step, first));
        yield return new Mutant("two steps need each other", "BR1042", Swap(once, steps[1].Step, Put(steps[1].Step, second)), [first.Value, second.Value], false);
    }

    // What is wrong wherever a kind is expected; null: nothing is.
    private static (string Code, YamlNode Node, bool Seen)? Wrong(ValueKind kind)
    {
        var nested = new YamlNode.Mapping(Nowhere, [new YamlEntry("q", Nowhere, new YamlNode.Mapping(Nowhere, [new YamlEntry("q", Nowhere, Text("q"))]))]);
        return kind switch
        {
            ValueKind.Text or ValueKind.Script => ("BR1021", nested, true),
            ValueKind.Boolean => ("BR1021", Text("perhaps"), true),
            ValueKind.Integer => ("BR1021", Text("many"), true),
            ValueKind.Fraction => ("BR1023", Text("many"), true),
            ValueKind.Choice => ("BR1022", Text("nonsense"), true),
            ValueKind.Duration => ("BR1024", Text("10 parsecs"), true),
            ValueKind.Size => ("BR1025", Text("lots"), true),
            ValueKind.GlobPattern => ("BR1026", Text("a["), false),
            ValueKind.Condition => ("BR1027", Text("CI_REPO =="), false),
            ValueKind.Keys or ValueKind.Map => ("BR1021", new YamlNode.Sequence(Nowhere, [new YamlNode.Sequence(Nowhere, [])]), true),
            ValueKind.List => ("BR1021", Text("42"), true),
            ValueKind.AnyOf any => new YamlNode[] { new YamlNode.Sequence(Nowhere, [Text("q")]), nested, Text("q") }.Where(node => !any.Kinds.Any(candidate => Takes(candidate, node))).Select(node => ((string, YamlNode, bool)?)("BR1021", node, true)).FirstOrDefault(),
            _ => null,
        };
    }

    /// <summary>A value of a file, and what it may be there.</summary>
    private sealed record Place(YamlNode Value, ValueKind Kind, YamlNode.Mapping? Owner, YamlEntry? Key, KeyGroup? Group);

    private static IEnumerable<Place> Places(YamlNode node, ValueKind kind, YamlNode.Mapping? owner = null, YamlEntry? key = null, KeyGroup? group = null)
    {
        switch (kind)
        {
            case ValueKind.AnyOf any:
                foreach (var place in any.Kinds.Where(candidate => Takes(candidate, node)).Take(1).SelectMany(candidate => Inside(node, candidate)))
                    yield return place;
                yield return new Place(node, any, owner, key, group);
                yield break;
            case ValueKind.OneOrMany many when node is not YamlNode.Sequence:
                foreach (var place in Places(node, many.Item, owner, key, group))
                    yield return place;
                yield break;
            default:
                yield return new Place(node, kind, owner, key, group);
                foreach (var place in Inside(node, kind))
                    yield return place;
                yield break;
        }
    }

    private static IEnumerable<Place> Inside(YamlNode node, ValueKind kind) => (kind, node) switch
    {
        (ValueKind.Keys keys, YamlNode.Mapping mapping) => mapping.Entries.Where(entry => !entry.Value.IsNull && keys.Group.Find(entry.Key) is not null)
            .SelectMany(entry => Places(entry.Value, keys.Group.Find(entry.Key)!.Kind, mapping, entry, keys.Group)),
        (ValueKind.Map map, YamlNode.Mapping mapping) => mapping.Entries.Where(entry => !entry.Value.IsNull).SelectMany(entry => Places(entry.Value, map.Item)),
        (ValueKind.List list, YamlNode.Sequence sequence) => sequence.Items.SelectMany(item => Places(item, list.Item)),
        (ValueKind.OneOrMany many, YamlNode.Sequence sequence) => sequence.Items.SelectMany(item => Places(item, many.Item)),
        (ValueKind.AnyOf any, _) => any.Kinds.Where(candidate => Takes(candidate, node)).Take(1).SelectMany(candidate => Inside(node, candidate)),
        _ => [],
    };

    private static bool Takes(ValueKind kind, YamlNode node) => kind switch
    {
        ValueKind.AnyOf any => any.Kinds.Any(candidate => Takes(candidate, node)),
        ValueKind.OneOrMany many => node is YamlNode.Sequence || Takes(many.Item, node),
        ValueKind.List => node is YamlNode.Sequence,
        ValueKind.Map or ValueKind.Keys => node is YamlNode.Mapping,
        ValueKind.Data or ValueKind.Anything => true,
        _ => node is YamlNode.Scalar,
    };

    private static YamlNode.Scalar Text(string text) => new(Nowhere, text, plain: false);

    private static YamlNode.Mapping With(YamlNode.Mapping mapping, YamlEntry old, YamlEntry replacement) => new(Nowhere, [.. mapping.Entries.Select(entry => entry == old ? replacement : entry)]);

    private static YamlNode.Mapping Put(YamlNode.Mapping mapping, YamlEntry entry) => new(Nowhere, [.. mapping.Entries.Where(other => other.Key != entry.Key), entry]);

    private static IEnumerable<object> Children(YamlNode node) => node switch
    {
        YamlNode.Mapping mapping => mapping.Entries.SelectMany(entry => Children(entry.Value).Prepend(entry.Value).Prepend(entry)),
        YamlNode.Sequence sequence => sequence.Items.SelectMany(item => Children(item).Prepend(item)),
        _ => [],
    };

    // An alias makes one node stand in several places; then all of them change, which is what a mistake in the anchor does.
    private static YamlNode.Mapping Swap(YamlNode.Mapping root, YamlNode old, YamlNode replacement) => (YamlNode.Mapping)SwapNode(root, old, replacement);

    private static YamlNode SwapNode(YamlNode node, YamlNode old, YamlNode replacement) => ReferenceEquals(node, old) ? replacement : node switch
    {
        YamlNode.Mapping mapping => new YamlNode.Mapping(Nowhere, [.. mapping.Entries.Select(entry => SwapNode(entry.Value, old, replacement) is var value && ReferenceEquals(value, entry.Value) ? entry : entry with { Value = value })]) is var made && made.Entries.SequenceEqual(mapping.Entries) ? mapping : made,
        YamlNode.Sequence sequence => new YamlNode.Sequence(Nowhere, [.. sequence.Items.Select(item => SwapNode(item, old, replacement))]) is var made && made.Items.SequenceEqual(sequence.Items) ? sequence : made,
        _ => node,
    };
}

/// <summary>Writes a tree as YAML, one key or item a line, and remembers where everything went.</summary>
internal sealed class BlockWriter
{
    private readonly StringBuilder text = new();
    private readonly Dictionary<object, List<int>> lines = new(ReferenceEqualityComparer.Instance);
    private int line = 1;

    /// <summary>What was written.</summary>
    public string Text => text.ToString();

    /// <summary>Writes a tree.</summary>
    public static BlockWriter Write(YamlNode root)
    {
        var writer = new BlockWriter();
        writer.Node(root, 0, inLine: false);
        return writer;
    }

    /// <summary>The lines on which a key or value begins.</summary>
    public IEnumerable<int> LinesOf(object what) => lines.GetValueOrDefault(what) ?? [];

    private void Node(YamlNode node, int indent, bool inLine)
    {
        switch (node)
        {
            case YamlNode.Mapping { Entries.Count: > 0 } mapping:
                Break(inLine);
                Mark(node);
                foreach (var entry in mapping.Entries)
                {
                    Mark(entry);
                    text.Append(' ', indent).Append(Quote(entry.Key)).Append(':');
                    Node(entry.Value, indent + 2, inLine: true);
                }
                break;
            case YamlNode.Sequence { Items.Count: > 0 } sequence:
                Break(inLine);
                Mark(node);
                foreach (var item in sequence.Items)
                {
                    text.Append(' ', indent).Append('-');
                    Node(item, indent + 2, inLine: true);
                }
                break;
            case YamlNode.Scalar scalar:
                Mark(node);
                text.Append(' ').Append(scalar.Plain && scalar.Text.All(character => char.IsAsciiLetterOrDigit(character) || character is '.' or '_' or '-' or '~') ? scalar.Text : Quote(scalar.Text));
                End();
                break;
            default:
                Mark(node);
                text.Append(node is YamlNode.Mapping ? " {}" : " []");
                End();
                break;
        }
    }

    private void Break(bool inLine)
    {
        if (inLine)
            End();
    }

    private void End()
    {
        text.Append('\n');
        line++;
    }

    private void Mark(object what)
    {
        if (!lines.TryGetValue(what, out var known))
            lines.Add(what, known = []);
        known.Add(line);
    }

    private static string Quote(string value) => JsonSerializer.Serialize(value);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{line} lines");
}
