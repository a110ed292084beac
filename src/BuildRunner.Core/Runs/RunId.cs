using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace BuildRunner.Core.Runs;

/// <summary>Identifies a run everywhere. Ids sort by the time at which they were made.</summary>
/// <param name="Value">The value.</param>
[JsonConverter(typeof(RunIdConverter))]
public readonly record struct RunId(Guid Value)
{
    /// <summary>Makes a new id.</summary>
    public static RunId Create(TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(time);
        return new(Guid.CreateVersion7(time.GetUtcNow()));
    }

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out RunId id)
    {
        var ok = Guid.TryParseExact(text, "N", out var value);
        id = new(value);
        return ok;
    }

    /// <summary>32 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("N", CultureInfo.InvariantCulture);
}

internal sealed class RunIdConverter : JsonConverter<RunId>
{
    public override RunId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        RunId.TryParse(reader.GetString(), out var id) ? id : throw new JsonException("not a run id");

    public override void Write(Utf8JsonWriter writer, RunId value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
