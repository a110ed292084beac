using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Unicode;

namespace BuildRunner.Server.Webhooks;

/// <summary>Reads JSON that strangers wrote: no exception but for misuse, bounded depth.</summary>
internal static class JsonText
{
    private const int MaxDepth = 64;

    // A key that comes twice means one thing to whoever signed and another to whoever reads.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = MaxDepth, AllowDuplicateProperties = false };

    /// <summary>Parses a document.</summary>
    /// <param name="utf8">The bytes.</param>
    /// <param name="document">The document; the caller disposes it.</param>
    /// <param name="problem">Why there is none.</param>
    public static bool TryParse(ReadOnlyMemory<byte> utf8, [NotNullWhen(true)] out JsonDocument? document, [NotNullWhen(false)] out string? problem)
    {
        document = null;
        if (!Utf8.IsValid(utf8.Span))
        {
            problem = "the body is not UTF-8";
            return false;
        }
        try
        {
            document = JsonDocument.Parse(utf8, Options);
            problem = null;
            return true;
        }
        catch (JsonException e)
        {
            // Its message can quote the document.
            problem = $"the body is not JSON of at most {MaxDepth} levels without repeated keys{(e.LineNumber is { } line ? $" (line {line + 1}, byte {e.BytePositionInLine})" : "")}";
            return false;
        }
    }

    /// <summary>The text of a string; null if it is not a string, or not text (half a surrogate pair).</summary>
    public static string? String(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String)
            return null;
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // Said by the reader of what cannot be transcoded; there is no other way to ask.
            return null;
        }
    }
}
