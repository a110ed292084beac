using System.Text.Json;

namespace BuildRunner.Server.Webhooks;

/// <summary>Takes one field of a delivery as the value of one input.</summary>
/// <param name="Input">The input's name.</param>
/// <param name="From">Where the value is.</param>
/// <param name="Type">What it has to be.</param>
/// <param name="Required">True: without it there is no run.</param>
internal sealed record InputMapping(string Input, JsonPointer From, InputType Type, bool Required)
{
    private const int MaxTextLength = 32 * 1024;

    /// <summary>The values for a delivery, or what is wrong with it. Text is data: whatever it holds, it only ever becomes a value.</summary>
    public static MappedInputs Apply(IReadOnlyList<InputMapping> mappings, JsonElement document)
    {
        ArgumentNullException.ThrowIfNull(mappings);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var problems = new List<string>();
        foreach (var mapping in mappings)
        {
            if (mapping.From.Find(document) is not { ValueKind: not JsonValueKind.Null } found)
            {
                if (mapping.Required)
                    problems.Add($"input '{mapping.Input}' is required, and the delivery has nothing at '{mapping.From}'");
            }
            else if (mapping.Read(found) is { } text)
            {
                values[mapping.Input] = text;
            }
            else
            {
                problems.Add($"input '{mapping.Input}' wants {Words(mapping.Type)}, and the delivery has something else at '{mapping.From}'");
            }
        }
        return new(values, problems);
    }

    private string? Read(JsonElement value)
    {
        var text = Type switch
        {
            InputType.Text => JsonText.String(value),
            InputType.Number => value.ValueKind == JsonValueKind.Number ? value.GetRawText() : null,
            InputType.Boolean => value.ValueKind switch { JsonValueKind.True => "true", JsonValueKind.False => "false", _ => null },
            _ => value.GetRawText(),
        };
        return text is null || text.Length > MaxTextLength || text.Contains('\0', StringComparison.Ordinal) ? null : text;
    }

    private static string Words(InputType type) => type switch
    {
        InputType.Text => $"a text of at most {MaxTextLength} characters",
        InputType.Number => "a number",
        InputType.Boolean => "true or false",
        _ => $"JSON of at most {MaxTextLength} characters",
    };
}

/// <summary>What a mapped field has to be.</summary>
internal enum InputType
{
    /// <summary>A JSON string.</summary>
    Text,

    /// <summary>A JSON number, taken as it is written.</summary>
    Number,

    /// <summary>A JSON boolean.</summary>
    Boolean,

    /// <summary>Anything, as the JSON text that it is.</summary>
    Json,
}

/// <summary>What a delivery gives.</summary>
/// <param name="Values">Inputs and their values.</param>
/// <param name="Problems">Why there is no run; empty if there is.</param>
internal sealed record MappedInputs(IReadOnlyDictionary<string, string> Values, IReadOnlyList<string> Problems);
