using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;

namespace BuildRunner.Server.Webhooks;

/// <summary>A JSON Pointer (RFC 6901): where in a document a value is.</summary>
internal sealed class JsonPointer
{
    private const int MaxLength = 512;
    private readonly string text;
    private readonly string[] tokens;

    private JsonPointer(string text, string[] tokens)
    {
        this.text = text;
        this.tokens = tokens;
    }

    /// <summary>Reads a pointer: empty for the whole document, else each token after a <c>/</c>, with <c>~1</c> for <c>/</c> and <c>~0</c> for <c>~</c>.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out JsonPointer? pointer)
    {
        pointer = null;
        if (text is null || text.Length > MaxLength || (text.Length > 0 && text[0] != '/') || HasLooseTilde(text) || !IsWellFormed(text))
            return false;
        var tokens = text.Length == 0 ? [] : text[1..].Split('/');
        pointer = new(text, [.. tokens.Select(Unescape)]);
        return true;
    }

    /// <summary>The value, or null if the document has none there.</summary>
    public JsonElement? Find(JsonElement document)
    {
        var value = document;
        foreach (var token in tokens)
        {
            if (Step(value, token) is not { } next)
                return null;
            value = next;
        }
        return value;
    }

    /// <summary>As it was written.</summary>
    public override string ToString() => text;

    private static JsonElement? Step(JsonElement value, string token) => value.ValueKind switch
    {
        JsonValueKind.Object => value.TryGetProperty(token, out var member) ? member : null,
        JsonValueKind.Array => TryIndex(token, out var index) && index < value.GetArrayLength() ? value[index] : null,
        _ => null,
    };

    // No sign, no leading zero, and "-" (the place after the last) names nothing that can be read.
    private static bool TryIndex(string token, out int index)
    {
        index = 0;
        return (token.Length == 1 || !token.StartsWith('0')) && int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out index);
    }

    private static bool HasLooseTilde(string text)
    {
        for (var i = text.IndexOf('~', StringComparison.Ordinal); i >= 0; i = text.IndexOf('~', i + 1))
        {
            if (i + 1 >= text.Length || text[i + 1] is not ('0' or '1'))
                return true;
        }
        return false;
    }

    // Half a surrogate pair is no text: it cannot be looked for in UTF-8.
    private static bool IsWellFormed(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]) && (!char.IsSurrogatePair(text, i) || ++i >= text.Length))
                return false;
        }
        return true;
    }

    private static string Unescape(string token) => token.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
}
