using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BuildRunner.Core.Pipelines.Keys;

namespace BuildRunner.Core.Pipelines;

/// <summary>
/// The JSON schema of a pipeline file, for editors; draft 7, strict. Made from the same key model that reading uses. Where a single value is expected, a
/// text with <c>${</c> in it is accepted too, because it is substituted before it is judged.
/// </summary>
public static class PipelineSchema
{
    /// <summary>The schema as JSON.</summary>
    public static string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("$schema", "http://json-schema.org/draft-07/schema#");
            writer.WriteString("title", "BuildRunner pipeline file");
            writer.WriteString("description", "One workflow. Files of Woodpecker are valid too.");
            new SchemaWriter(writer).Write(WorkflowKeys.Workflow);
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }
}
