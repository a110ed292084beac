using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace BuildRunner.Core.Expressions.Conditions;

/// <summary>Values as JSON.</summary>
internal static class ExpressionJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A value as JSON.</summary>
    public static string Write(ExpressionValue value)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Options))
            Write(writer, value);
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <summary>JSON as a value.</summary>
    /// <exception cref="ExpressionException">The text is no JSON.</exception>
    public static ExpressionValue Read(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 32 });
            return Read(document.RootElement);
        }
        catch (JsonException)
        {
            // What cannot be read is the expression's fault; the message is for its author.
            throw new ExpressionException("`fromJSON` is given what is no JSON");
        }
    }

    private static ExpressionValue Read(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.True => ExpressionValue.True,
        JsonValueKind.False => ExpressionValue.False,
        JsonValueKind.String => new ExpressionValue.Text(element.GetString()!),
        JsonValueKind.Number => element.TryGetInt64(out var integer) ? new ExpressionValue.Integer(integer) : new ExpressionValue.Float(element.GetDouble()),
        JsonValueKind.Array => new ExpressionValue.List([.. element.EnumerateArray().Select(Read)]),
        JsonValueKind.Object => new ExpressionValue.Map(element.EnumerateObject().GroupBy(property => property.Name).ToDictionary(group => group.Key, group => Read(group.Last().Value), StringComparer.Ordinal)),
        _ => ExpressionValue.Nothing,
    };

    private static void Write(Utf8JsonWriter writer, ExpressionValue value)
    {
        switch (value)
        {
            case ExpressionValue.Boolean boolean:
                writer.WriteBooleanValue(boolean.Value);
                break;
            case ExpressionValue.Integer integer:
                writer.WriteNumberValue(integer.Value);
                break;
            case ExpressionValue.Float number when double.IsFinite(number.Value):
                writer.WriteNumberValue(number.Value);
                break;
            case ExpressionValue.Text text:
                writer.WriteStringValue(text.Value);
                break;
            case ExpressionValue.List list:
                writer.WriteStartArray();
                foreach (var item in list.Items)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case ExpressionValue.Map map:
                writer.WriteStartObject();
                foreach (var (key, item) in map.Entries)
                {
                    writer.WritePropertyName(key);
                    Write(writer, item);
                }
                writer.WriteEndObject();
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }
}
