using System.Text.Json;
using System.Text.Json.Serialization;

namespace BuildRunner.Core.Runs;

/// <summary>Sets as arrays; the serialiser cannot make an <see cref="IReadOnlySet{T}"/> by itself.</summary>
internal sealed class TextSetConverter : JsonConverter<IReadOnlySet<string>>
{
    public override IReadOnlySet<string> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        SetReading.Read(ref reader, static (ref Utf8JsonReader item) => item.GetString() ?? throw new JsonException("null in a set of texts"));

    public override void Write(Utf8JsonWriter writer, IReadOnlySet<string> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var item in value)
        {
            writer.WriteStringValue(item);
        }

        writer.WriteEndArray();
    }
}

/// <summary>As <see cref="TextSetConverter"/>, for numbers.</summary>
internal sealed class NumberSetConverter : JsonConverter<IReadOnlySet<int>>
{
    public override IReadOnlySet<int> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        SetReading.Read(ref reader, static (ref Utf8JsonReader item) => item.GetInt32());

    public override void Write(Utf8JsonWriter writer, IReadOnlySet<int> value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var item in value)
        {
            writer.WriteNumberValue(item);
        }

        writer.WriteEndArray();
    }
}

internal static class SetReading
{
    public delegate T ReadItem<T>(ref Utf8JsonReader reader);

    public static IReadOnlySet<T> Read<T>(ref Utf8JsonReader reader, ReadItem<T> readItem)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new JsonException("a set is written as an array");
        }

        var set = new HashSet<T>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            set.Add(readItem(ref reader));
        }

        return set;
    }
}
