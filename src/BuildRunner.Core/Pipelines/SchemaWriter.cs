using System.Diagnostics;
using System.Text;
using System.Text.Json;
using BuildRunner.Core.Pipelines.Keys;

namespace BuildRunner.Core.Pipelines;

/// <summary>Writes the key model as a JSON schema.</summary>
internal sealed class SchemaWriter(Utf8JsonWriter writer)
{
    private const string Substituted = "\\$\\{";
    private readonly Dictionary<KeyGroup, string> names = new(ReferenceEqualityComparer.Instance);
    private readonly Queue<KeyGroup> waiting = new();

    /// <summary>Writes the members of the schema: the group's own, then the definitions of those that it leads to.</summary>
    public void Write(KeyGroup group)
    {
        Group(group);
        writer.WriteStartObject("definitions");
        while (waiting.TryDequeue(out var used))
        {
            writer.WriteStartObject(names[used]);
            Group(used);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
    }

    private void Schema(ValueKind kind)
    {
        writer.WriteStartObject();
        Body(kind);
        writer.WriteEndObject();
    }

    private void Body(ValueKind kind)
    {
        switch (kind)
        {
            case ValueKind.Keys keys:
                Reference(keys.Group);
                break;
            case ValueKind.Map map:
                writer.WriteString("type", "object");
                writer.WriteNumber("minProperties", map.Min);
                writer.WritePropertyName("additionalProperties");
                Schema(map.Item);
                break;
            case ValueKind.List list:
                Items(list.Item, list.Min);
                break;
            case ValueKind.OneOrMany many:
                Choice([many.Item, new ValueKind.List(many.Item, many.Min)]);
                break;
            case ValueKind.AnyOf any:
                Choice(any.Kinds);
                break;
            case ValueKind.Anything or ValueKind.Data:
                break;
            default:
                Value(kind);
                break;
        }
    }

    private void Value(ValueKind kind)
    {
        switch (kind)
        {
            case ValueKind.Text or ValueKind.GlobPattern or ValueKind.Script:
                Types("string", "number", "boolean");
                break;
            case ValueKind.Condition:
                Types("string");
                break;
            case ValueKind.Choice choice:
                OrSubstituted(() => Words(choice.Words.Concat(choice.Old)));
                break;
            case ValueKind.Boolean:
                OrSubstituted(() => writer.WriteString("type", "boolean"));
                break;
            case ValueKind.Integer integer:
                OrSubstituted(() => Range("integer", integer.Min, integer.Max));
                break;
            case ValueKind.Fraction fraction:
                OrSubstituted(() => Range("number", fraction.Min, fraction.Max));
                break;
            case ValueKind.Duration:
                Pattern(@"^([0-9.]+(ms|s|m|h|d))+$|" + Substituted);
                break;
            case ValueKind.Size size:
                writer.WriteStartArray("anyOf");
                writer.WriteStartObject();
                Range("integer", size.Min, double.MaxValue);
                writer.WriteEndObject();
                writer.WriteStartObject();
                Pattern(@"^[0-9.]+ ?([kKmMgGtT]([iI]?[bB])?|[bB])?$|" + Substituted);
                writer.WriteEndObject();
                writer.WriteEndArray();
                break;
            default:
                throw new UnreachableException();
        }
    }

    // A group of keys is written once, whatever uses it. In draft 7 what stands beside a reference does not count, so it stands alone.
    private void Reference(KeyGroup group)
    {
        if (!names.TryGetValue(group, out var name))
        {
            name = group.Name;
            for (var number = 2; names.ContainsValue(name); number++)
                name = $"{group.Name}-{number}";
            names.Add(group, name);
            waiting.Enqueue(group);
        }
        writer.WriteStartArray("allOf");
        writer.WriteStartObject();
        writer.WriteString("$ref", "#/definitions/" + Uri.EscapeDataString(name));
        writer.WriteEndObject();
        writer.WriteEndArray();
    }

    private void Group(KeyGroup group)
    {
        writer.WriteString("type", "object");
        writer.WriteStartObject("properties");
        foreach (var key in group.Keys)
        {
            writer.WriteStartObject(key.Name);
            writer.WriteString("description", Describe(key));
            if (key.Deprecated is not null)
                writer.WriteBoolean("deprecated", true);
            Body(key.Kind);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        writer.WritePropertyName("additionalProperties");
        if (group.Others is { } others)
            Schema(others);
        else
            writer.WriteBooleanValue(false);
        if (group.Keys.Any(key => key.Required))
            Words("required", group.Keys.Where(key => key.Required).Select(key => key.Name));
    }

    private static string Describe(KeyDefinition key)
    {
        var text = new StringBuilder(key.Description);
        if (key.Default is { } otherwise)
            text.Append(" Default: ").Append(otherwise).Append('.');
        if (key.Deprecated is { } instead)
            text.Append(" Old form; write ").Append(instead).Append('.');
        if (key.NoEffect is { } why)
            text.Append(" Has no effect: ").Append(why).Append('.');
        return text.ToString();
    }

    private void Items(ValueKind item, int min)
    {
        writer.WriteString("type", "array");
        writer.WriteNumber("minItems", min);
        writer.WritePropertyName("items");
        Schema(item);
    }

    private void Choice(IReadOnlyList<ValueKind> kinds)
    {
        writer.WriteStartArray("anyOf");
        foreach (var kind in kinds)
            Schema(kind);
        writer.WriteEndArray();
    }

    private void OrSubstituted(Action value)
    {
        writer.WriteStartArray("anyOf");
        writer.WriteStartObject();
        value();
        writer.WriteEndObject();
        writer.WriteStartObject();
        Pattern(Substituted);
        writer.WriteEndObject();
        writer.WriteEndArray();
    }

    private void Range(string type, double min, double max)
    {
        writer.WriteString("type", type);
        writer.WriteNumber("minimum", min);
        if (max < int.MaxValue)
            writer.WriteNumber("maximum", max);
    }

    private void Pattern(string pattern)
    {
        writer.WriteString("type", "string");
        writer.WriteString("pattern", pattern);
    }

    private void Types(params string[] types) => Words("type", types);

    private void Words(IEnumerable<string> words) => Words("enum", words);

    private void Words(string name, IEnumerable<string> words)
    {
        writer.WriteStartArray(name);
        foreach (var word in words)
            writer.WriteStringValue(word);
        writer.WriteEndArray();
    }
}
