using System.Text.Encodings.Web;
using System.Text.Json;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary>What <c>--json</c> prints: the API's own records, indented.</summary>
internal static class ClientJson
{
    // Not for HTML: what JSON itself does not forbid stays readable.
    private static readonly JsonSerializerOptions Options = new(ApiJson.Default.Options)
    {
        TypeInfoResolver = ApiJson.Default,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    /// <summary>The text, with a line's end.</summary>
    public static string Text<T>(T value) => JsonSerializer.Serialize(value, Options.GetTypeInfo(typeof(T))) + "\n";
}
