using BuildRunner.Core.Pipelines.Keys;
using BuildRunner.Core.Pipelines.Yaml;
using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Pipelines.Reading;

/// <summary>
/// Checks a document against the key model and substitutes variables in its values (never in keys). What is wrong is reported and left in place, so that
/// everything is reported at once; whoever reads the result takes a wrong value as absent.
/// </summary>
internal sealed class ShapeChecker(VariableScope? variables, NameRules names, DiagnosticBag diagnostics)
{
    private readonly ScalarChecker scalars = new(variables, names, diagnostics);

    /// <summary>The document with its values substituted.</summary>
    /// <param name="node">What was written.</param>
    /// <param name="kind">What may be written.</param>
    /// <param name="subject">What it is, for messages: <c>`image`</c>.</param>
    public YamlNode Check(YamlNode node, ValueKind kind, string subject)
    {
        switch (kind)
        {
            case ValueKind.Anything:
                return node;
            case ValueKind.Data:
                CheckData(node, subject);
                return node;
            case ValueKind.AnyOf any:
                return any.Kinds.FirstOrDefault(candidate => Takes(candidate, node)) is { } chosen ? Check(node, chosen, subject) : Wrong(node, kind, subject);
            case ValueKind.Keys keys when node is YamlNode.Mapping mapping:
                return CheckKeys(mapping, keys.Group);
            case ValueKind.Map map when node is YamlNode.Mapping mapping:
                return CheckMap(mapping, map, subject);
            case ValueKind.List list when node is YamlNode.Sequence sequence:
                return CheckItems(sequence, list.Item, list.Min, subject);
            case ValueKind.OneOrMany many when node is YamlNode.Sequence sequence:
                return CheckItems(sequence, many.Item, many.Min, subject);
            case ValueKind.OneOrMany many when Takes(many.Item, node):
                return Check(node, many.Item, subject);
            case ValueKind.List or ValueKind.OneOrMany or ValueKind.Map or ValueKind.Keys:
                return Wrong(node, kind, subject);
            default:
                return node is YamlNode.Scalar scalar ? scalars.Check(scalar, kind, subject) : Wrong(node, kind, subject);
        }
    }

    /// <summary>Whether a kind is meant by what is written: told by single value, list or mapping alone.</summary>
    internal static bool Takes(ValueKind kind, YamlNode node) => kind switch
    {
        ValueKind.AnyOf any => any.Kinds.Any(candidate => Takes(candidate, node)),
        ValueKind.OneOrMany many => node is YamlNode.Sequence || Takes(many.Item, node),
        ValueKind.List => node is YamlNode.Sequence,
        ValueKind.Map or ValueKind.Keys => node is YamlNode.Mapping,
        ValueKind.Data or ValueKind.Anything => true,
        _ => node is YamlNode.Scalar,
    };

    private YamlNode.Scalar Wrong(YamlNode node, ValueKind kind, string subject)
    {
        var hint = node is YamlNode.Mapping { Entries.Count: 1 } && kind is ValueKind.Text or ValueKind.Script
            ? "A colon followed by a space makes a mapping of a line; put the line in quotes"
            : null;
        diagnostics.Error(DiagnosticCodes.WrongKind, node.Location, $"{subject} must be {kind.Expectation}, not {node.Description}", hint);
        return new YamlNode.Scalar(node.Location, "", plain: true);
    }

    private YamlNode.Sequence CheckItems(YamlNode.Sequence sequence, ValueKind item, int min, string subject)
    {
        if (sequence.Items.Count < min)
            diagnostics.Error(DiagnosticCodes.Empty, sequence.Location, $"{subject} is empty", min == 1 ? "Write at least one" : $"Write at least {min}");
        var itemSubject = $"an item of {subject}";
        var items = new List<YamlNode>(sequence.Items.Count);
        foreach (var node in sequence.Items)
        {
            if (node.IsNull)
                diagnostics.Error(DiagnosticCodes.Empty, node.Location, $"{itemSubject} is empty", "Write a value behind the `-`, or remove it");
            else
                items.Add(Check(node, item, itemSubject));
        }
        return new YamlNode.Sequence(sequence.Location, items);
    }

    private YamlNode.Mapping CheckMap(YamlNode.Mapping mapping, ValueKind.Map map, string subject)
    {
        if (mapping.Entries.Count < map.Min)
            diagnostics.Error(DiagnosticCodes.Empty, mapping.Location, $"{subject} is empty", "Write at least one");
        var entries = new List<YamlEntry>(mapping.Entries.Count);
        foreach (var entry in mapping.Entries)
        {
            if (entry.Key.Length == 0)
                diagnostics.Error(DiagnosticCodes.BadName, entry.KeyLocation, $"a key of {subject} is empty", "Give it a name");
            else if (entry.Value.IsNull && map.Item is ValueKind.Keys)
                diagnostics.Error(DiagnosticCodes.Empty, entry.KeyLocation, $"`{Short(entry.Key)}` is empty", "Write its keys below it, indented");
            else
                entries.Add(entry with { Value = entry.Value.IsNull ? entry.Value : Check(entry.Value, map.Item, $"`{Short(entry.Key)}`") });
        }
        return new YamlNode.Mapping(mapping.Location, entries);
    }

    private YamlNode.Mapping CheckKeys(YamlNode.Mapping mapping, KeyGroup group)
    {
        var entries = new List<YamlEntry>(mapping.Entries.Count);
        foreach (var entry in mapping.Entries)
        {
            if (group.Find(entry.Key) is { } key)
            {
                Remark(entry, key);
                entries.Add(entry.Value.IsNull ? entry : entry with { Value = Check(entry.Value, key.Kind, $"`{key.Name}`") });
            }
            else if (group.Others is { } others)
            {
                if (group.OthersDeprecated is { } remark)
                    diagnostics.Warning(DiagnosticCodes.NoEffect, entry.KeyLocation, $"{group.Noun} has no key `{Short(entry.Key)}`; {remark}");
                entries.Add(entry.Value.IsNull ? entry : entry with { Value = Check(entry.Value, others, $"`{Short(entry.Key)}`") });
            }
            else
            {
                ReportUnknown(entry, group);
            }
        }
        foreach (var key in group.Keys)
        {
            if (key.Required && mapping.Get(key.Name) is null)
                diagnostics.Error(DiagnosticCodes.MissingKey, mapping.Find(key.Name)?.KeyLocation ?? mapping.Location, $"{group.Noun} needs `{key.Name}`", key.Description.Split(". ")[0].TrimEnd('.'));
        }
        return new YamlNode.Mapping(mapping.Location, entries);
    }

    private void Remark(YamlEntry entry, KeyDefinition key)
    {
        if (key.Deprecated is { } instead)
            diagnostics.Warning(DiagnosticCodes.Deprecated, entry.KeyLocation, $"`{key.Name}` is an old form", $"Write {instead}");
        if (key.NoEffect is { } why)
            diagnostics.Warning(DiagnosticCodes.NoEffect, entry.KeyLocation, $"`{key.Name}` is read and has no effect: {why}");
    }

    private void ReportUnknown(YamlEntry entry, KeyGroup group)
    {
        if (!diagnostics.IsFull)
            diagnostics.Error(DiagnosticCodes.UnknownKey, entry.KeyLocation, $"{group.Noun} has no key `{Short(entry.Key)}`", KeySuggestions.For(entry.Key, group));
    }

    private void CheckData(YamlNode node, string subject)
    {
        switch (node)
        {
            case YamlNode.Scalar scalar:
                scalars.Check(scalar, new ValueKind.Data(), subject);
                break;
            case YamlNode.Sequence sequence:
                foreach (var item in sequence.Items)
                    CheckData(item, subject);
                break;
            case YamlNode.Mapping mapping when mapping.Find("from_secret") is { } secret:
                if (secret.Value is not YamlNode.Scalar { Text.Length: > 0 } || secret.Value.IsNull)
                    diagnostics.Error(DiagnosticCodes.WrongKind, secret.Value.Location, "`from_secret` must be the name of a secret");
                break;
            case YamlNode.Mapping mapping:
                foreach (var entry in mapping.Entries)
                    CheckData(entry.Value, $"`{Short(entry.Key)}`");
                break;
            default:
                break;
        }
    }

    private static string Short(string text) => text.Length <= 60 ? text : text[..57] + "...";
}
