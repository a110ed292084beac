using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BuildRunner.Core.Expressions;
using BuildRunner.Core.Pipelines.Yaml;

namespace BuildRunner.Core.Planning;

/// <summary>
/// Turns values of <c>environment</c> and <c>settings</c> into what a container gets, as Woodpecker encodes them: a single value as it is, a list of single
/// values joined by commas, everything else as JSON with sorted keys.
/// </summary>
internal sealed class PlanValues(VariableScope variables)
{
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The value of a variable or setting; null if substitution makes it too long.</summary>
    public PlanValue? Make(YamlNode node)
    {
        switch (node)
        {
            case YamlNode.Scalar scalar:
                return MakeText(scalar);
            case YamlNode.Mapping mapping when mapping.Get("from_secret") is YamlNode.Scalar name:
                return new PlanValue.Secret(name.Text);
            case YamlNode.Sequence sequence when sequence.Items.All(item => item is YamlNode.Scalar):
                return Join([.. sequence.Items.Select(item => item.IsNull ? new PlanValue.Literal("") : MakeText((YamlNode.Scalar)item))]);
            default:
                return MakeJson(node);
        }
    }

    private PlanValue? MakeText(YamlNode.Scalar scalar)
    {
        if (TextTemplate.Parse(scalar.Text, out _) is not { } template)
            return new PlanValue.Literal(scalar.Text);
        if (template.HasOutputs)
            return variables.ExpandAllButOutputs(template) is { } text ? new PlanValue.Template(text) : null;
        if (scalar.Plain && YamlScalars.ToCoreBoolean(scalar.Text) is { } boolean)
            return new PlanValue.Literal(boolean ? "true" : "false");
        return variables.Expand(template) is { } known ? new PlanValue.Literal(known) : null;
    }

    private static PlanValue? Join(IReadOnlyList<PlanValue?> values)
    {
        if (values.Contains(null))
            return null;
        if (values.All(value => value is PlanValue.Literal))
            return new PlanValue.Literal(string.Join(',', values.Select(value => ((PlanValue.Literal)value!).Text)));
        return new PlanValue.Template(string.Join(',', values.Select(value => value switch
        {
            PlanValue.Template template => template.Text,
            PlanValue.Literal literal => literal.Text.Replace("$", "$$", StringComparison.Ordinal),
            _ => "",
        })));
    }

    private PlanValue? MakeJson(YamlNode node)
    {
        using var buffer = new MemoryStream();
        var complete = new Completeness();
        using (var writer = new Utf8JsonWriter(buffer, Json))
            Write(writer, node, complete);
        var text = Encoding.UTF8.GetString(buffer.ToArray());
        return complete.TooLong ? null : complete.IsLiteral ? new PlanValue.Literal(text) : new PlanValue.Json(text);
    }

    private void Write(Utf8JsonWriter writer, YamlNode node, Completeness complete)
    {
        switch (node)
        {
            case YamlNode.Scalar scalar:
                WriteScalar(writer, scalar, complete);
                break;
            case YamlNode.Sequence sequence:
                writer.WriteStartArray();
                foreach (var item in sequence.Items)
                    Write(writer, item, complete);
                writer.WriteEndArray();
                break;
            case YamlNode.Mapping mapping when mapping.Get("from_secret") is YamlNode.Scalar name:
                complete.IsLiteral = false;
                writer.WriteStartObject();
                writer.WriteString("from_secret", name.Text);
                writer.WriteEndObject();
                break;
            case YamlNode.Mapping mapping:
                writer.WriteStartObject();
                foreach (var entry in mapping.Entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(entry.Key);
                    Write(writer, entry.Value, complete);
                }
                writer.WriteEndObject();
                break;
            default:
                break;
        }
    }

    private void WriteScalar(Utf8JsonWriter writer, YamlNode.Scalar scalar, Completeness complete)
    {
        if (scalar.IsNull)
            writer.WriteNullValue();
        else if (scalar.Plain && YamlScalars.ToCoreBoolean(scalar.Text) is { } boolean)
            writer.WriteBooleanValue(boolean);
        else if (scalar.Plain && YamlScalars.ToJsonNumber(scalar.Text) is { } number)
            writer.WriteRawValue(number);
        else if (MakeText(scalar) is not { } value)
            complete.TooLong = true;
        else if (value is PlanValue.Template template)
            WriteTemplate(writer, template, complete);
        else
            writer.WriteStringValue(((PlanValue.Literal)value).Text);
    }

    private static void WriteTemplate(Utf8JsonWriter writer, PlanValue.Template template, Completeness complete)
    {
        complete.IsLiteral = false;
        writer.WriteStartObject();
        writer.WriteString("from_template", template.Text);
        writer.WriteEndObject();
    }

    private sealed class Completeness
    {
        public bool IsLiteral { get; set; } = true;

        public bool TooLong { get; set; }
    }
}
