using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BuildRunner.Core.Expressions;

namespace BuildRunner.Core.Planning;

/// <summary>Gives the text that a container gets for a <see cref="PlanValue"/>, once secrets and outputs are known. For whoever starts a step.</summary>
public static class PlanValueResolver
{
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The text.</summary>
    /// <param name="value">The value.</param>
    /// <param name="secret">Gives a secret's value by its name; null: there is none, or it is withheld.</param>
    /// <param name="output">Gives an output by the names of step and output; null counts as empty.</param>
    /// <param name="missing">The first secret that there is none of, if null is returned.</param>
    public static string? Resolve(PlanValue value, Func<string, string?> secret, Func<string, string, string?> output, out string? missing)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(secret);
        missing = null;
        switch (value)
        {
            case PlanValue.Literal literal:
                return literal.Text;
            case PlanValue.Template template:
                return OutputTemplate.Resolve(template.Text, output);
            case PlanValue.Secret named:
                var text = secret(named.Name);
                missing = text is null ? named.Name : null;
                return text;
            case PlanValue.Json json:
                return Resolve(json, secret, output, out missing);
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private static string? Resolve(PlanValue.Json json, Func<string, string?> secret, Func<string, string, string?> output, out string? missing)
    {
        using var document = JsonDocument.Parse(json.Text);
        using var buffer = new MemoryStream();
        var absent = new List<string>();
        using (var writer = new Utf8JsonWriter(buffer, Json))
            Write(writer, document.RootElement, name => secret(name) ?? Missing(name, absent), output);
        missing = absent.FirstOrDefault();
        return missing is null ? Encoding.UTF8.GetString(buffer.ToArray()) : null;
    }

    private static string Missing(string name, List<string> absent)
    {
        absent.Add(name);
        return "";
    }

    private static void Write(Utf8JsonWriter writer, JsonElement element, Func<string, string> secret, Func<string, string, string?> output)
    {
        if (element.ValueKind == JsonValueKind.Object && element.TryGetProperty("from_secret", out var name) && name.ValueKind == JsonValueKind.String)
        {
            writer.WriteStringValue(secret(name.GetString()!));
        }
        else if (element.ValueKind == JsonValueKind.Object && element.TryGetProperty("from_template", out var template) && template.ValueKind == JsonValueKind.String)
        {
            writer.WriteStringValue(OutputTemplate.Resolve(template.GetString()!, output));
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            writer.WriteStartObject();
            foreach (var property in element.EnumerateObject())
            {
                writer.WritePropertyName(property.Name);
                Write(writer, property.Value, secret, output);
            }
            writer.WriteEndObject();
        }
        else if (element.ValueKind == JsonValueKind.Array)
        {
            writer.WriteStartArray();
            foreach (var item in element.EnumerateArray())
                Write(writer, item, secret, output);
            writer.WriteEndArray();
        }
        else
        {
            element.WriteTo(writer);
        }
    }
}
