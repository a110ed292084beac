using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace BuildRunner.Core.AgentContract;

/// <summary>Identifies a piece of work: one attempt of a step, or making or releasing a workflow. Stays the same when it is queued again; the fence does not.</summary>
/// <param name="Value">The value.</param>
[JsonConverter(typeof(GuidIdConverter<WorkId>))]
public readonly record struct WorkId(Guid Value) : IGuidId<WorkId>
{
    static WorkId IGuidId<WorkId>.From(Guid value) => new(value);

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out WorkId id) => GuidId.TryParse(text, out id);

    /// <summary>32 hexadecimal digits.</summary>
    public override string ToString() => GuidId.Text(Value);
}

/// <summary>Identifies an agent; given by the server when the agent registers.</summary>
/// <param name="Value">The value.</param>
[JsonConverter(typeof(GuidIdConverter<AgentId>))]
public readonly record struct AgentId(Guid Value) : IGuidId<AgentId>
{
    static AgentId IGuidId<AgentId>.From(Guid value) => new(value);

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out AgentId id) => GuidId.TryParse(text, out id);

    /// <summary>32 hexadecimal digits.</summary>
    public override string ToString() => GuidId.Text(Value);
}

internal interface IGuidId<TSelf>
    where TSelf : struct, IGuidId<TSelf>
{
    Guid Value { get; }

    static abstract TSelf From(Guid value);
}

internal static class GuidId
{
    public static string Text(Guid value) => value.ToString("N", CultureInfo.InvariantCulture);

    public static bool TryParse<T>(string? text, out T id)
        where T : struct, IGuidId<T>
    {
        var ok = Guid.TryParseExact(text, "N", out var value);
        id = T.From(value);
        return ok;
    }
}

internal sealed class GuidIdConverter<T> : JsonConverter<T>
    where T : struct, IGuidId<T>
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && GuidId.TryParse<T>(reader.GetString(), out var id)
            ? id
            : throw new JsonException($"not a {typeof(T).Name}: 32 hexadecimal digits are expected");

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(GuidId.Text(value.Value));
}
