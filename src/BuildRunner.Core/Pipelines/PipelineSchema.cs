using System.Diagnostics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BuildRunner.Core.Pipelines.Keys;

namespace BuildRunner.Core.Pipelines;

/// <summary>
/// The JSON schema of a pipeline file, for editors; draft 7, strict. Made from the same key model that reading uses. Where a single value is expected, a
/// text with <c>${</c> in it is accepted too, because it is substituted before it is judged.
/// </summary>
public static class PipelineSchema
{
    private const string Substituted = "\\$\\{";

    /// <summary>The schema as JSON.</summary>
    public static string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("$schema", "http://json-schema.org/draft-07/schema#");
            writer.WriteString("title", "BuildRunner pipeline file");
            writer.WriteString("description", "One workflow. Files of Woodpecker are valid too.");
            Group(writer, WorkflowKeys.Workflow);
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void Schema(Utf8JsonWriter writer, ValueKind kind)
    {
        writer.WriteStartObject();
        Body(writer, kind);
        writer.WriteEndObject();
    }

    private static void Body(Utf8JsonWriter writer, ValueKind kind)
    {
        switch (kind)
        {
            case ValueKind.Keys keys:
                Group(writer, keys.Group);
                break;
            case ValueKind.Map map:
                writer.WriteString("type", "object");
                writer.WriteNumber("minProperties", map.Min);
                writer.WritePropertyName("additionalProperties");
                Schema(writer, map.Item);
                break;
            case ValueKind.List list:
                Items(writer, list.Item, list.Min);
                break;
            case ValueKind.OneOrMany many:
                Choice(writer, [many.Item, new ValueKind.List(many.Item, many.Min)]);
                break;
            case ValueKind.AnyOf any:
                Choice(writer, any.Kinds);
                break;
            case ValueKind.Anything or ValueKind.Data:
                break;
            default:
                Value(writer, kind);
                break;
        }
    }

    private static void Value(Utf8JsonWriter writer, ValueKind kind)
    {
        switch (kind)
        {
            case ValueKind.Text or ValueKind.GlobPattern or ValueKind.Script:
                Types(writer, "string", "number", "boolean");
                break;
            case ValueKind.Condition:
                Types(writer, "string");
                break;
            case ValueKind.Choice choice:
                OrSubstituted(writer, () => Words(writer, choice.Words.Concat(choice.Old)));
                break;
            case ValueKind.Boolean:
                OrSubstituted(writer, () => writer.WriteString("type", "boolean"));
                break;
            case ValueKind.Integer integer:
                OrSubstituted(writer, () => Range(writer, "integer", integer.Min, integer.Max));
                break;
            case ValueKind.Fraction fraction:
                OrSubstituted(writer, () => Range(writer, "number", fraction.Min, fraction.Max));
                break;
            case ValueKind.Duration:
                Pattern(writer, @"^([0-9.]+(ms|s|m|h|d))+$|" + Substituted);
                break;
            case ValueKind.Size:
                writer.WriteStartArray("anyOf");
                writer.WriteStartObject();
                Range(writer, "integer", 1, double.MaxValue);
                writer.WriteEndObject();
                writer.WriteStartObject();
                Pattern(writer, @"^[0-9.]+ ?([kKmMgGtT]([iI]?[bB])?|[bB])?$|" + Substituted);
                writer.WriteEndObject();
                writer.WriteEndArray();
                break;
            default:
                throw new UnreachableException();
        }
    }

    private static void Group(Utf8JsonWriter writer, KeyGroup group)
    {
        writer.WriteString("type", "object");
        writer.WriteStartObject("properties");
        foreach (var key in group.Keys)
        {
            writer.WriteStartObject(key.Name);
            writer.WriteString("description", Describe(key));
            if (key.Deprecated is not null)
                writer.WriteBoolean("deprecated", true);
            Body(writer, key.Kind);
            writer.WriteEndObject();
        }
        writer.WriteEndObject();
        writer.WritePropertyName("additionalProperties");
        if (group.Others is { } others)
            Schema(writer, others);
        else
            writer.WriteBooleanValue(false);
        if (group.Keys.Any(key => key.Required))
            Words(writer, "required", group.Keys.Where(key => key.Required).Select(key => key.Name));
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

    private static void Items(Utf8JsonWriter writer, ValueKind item, int min)
    {
        writer.WriteString("type", "array");
        writer.WriteNumber("minItems", min);
        writer.WritePropertyName("items");
        Schema(writer, item);
    }

    private static void Choice(Utf8JsonWriter writer, IReadOnlyList<ValueKind> kinds)
    {
        writer.WriteStartArray("anyOf");
        foreach (var kind in kinds)
            Schema(writer, kind);
        writer.WriteEndArray();
    }

    private static void OrSubstituted(Utf8JsonWriter writer, Action value)
    {
        writer.WriteStartArray("anyOf");
        writer.WriteStartObject();
        value();
        writer.WriteEndObject();
        writer.WriteStartObject();
        Pattern(writer, Substituted);
        writer.WriteEndObject();
        writer.WriteEndArray();
    }

    private static void Range(Utf8JsonWriter writer, string type, double min, double max)
    {
        writer.WriteString("type", type);
        writer.WriteNumber("minimum", min);
        if (max < int.MaxValue)
            writer.WriteNumber("maximum", max);
    }

    private static void Pattern(Utf8JsonWriter writer, string pattern)
    {
        writer.WriteString("type", "string");
        writer.WriteString("pattern", pattern);
    }

    private static void Types(Utf8JsonWriter writer, params string[] types) => Words(writer, "type", types);

    private static void Words(Utf8JsonWriter writer, IEnumerable<string> words) => Words(writer, "enum", words);

    private static void Words(Utf8JsonWriter writer, string name, IEnumerable<string> words)
    {
        writer.WriteStartArray(name);
        foreach (var word in words)
            writer.WriteStringValue(word);
        writer.WriteEndArray();
    }
}
