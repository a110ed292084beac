using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using BuildRunner.Cli.Output;
using BuildRunner.Core.Pipelines;

namespace BuildRunner.Cli.Linting;

/// <summary>Diagnostics as they are printed.</summary>
internal static class LintText
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>One line each, then the sum: <c>1 error, 1 warning in 1 file</c>. Nothing at all to say: the sum only.</summary>
    public static string Text(IReadOnlyList<Diagnostic> diagnostics, int files, Style style) =>
        string.Concat(diagnostics.Select(d => Line(d, style) + "\n")) + Sum(diagnostics, files) + "\n";

    /// <summary>One diagnostic, its severity in colour.</summary>
    public static string Line(Diagnostic diagnostic, Style style)
    {
        var (text, place) = (diagnostic.ToString(), diagnostic.Location.ToString());
        var severity = diagnostic.Severity == DiagnosticSeverity.Error ? "error" : "warning";
        return !style.Colour ? text : $"{style.Bold(place)}: {(severity == "error" ? style.Red(severity) : style.Yellow(severity))}{text[(place.Length + 2 + severity.Length)..]}";
    }

    /// <summary><c>1 error, 1 warning in 1 file</c>.</summary>
    public static string Sum(IReadOnlyList<Diagnostic> diagnostics, int files)
    {
        var errors = diagnostics.Count(d => d.Severity == DiagnosticSeverity.Error);
        var warnings = diagnostics.Count - errors;
        var found = errors + warnings == 0
            ? "no problems"
            : string.Join(", ", new[] { Count(errors, "error"), Count(warnings, "warning") }.Where(c => c.Length > 0));
        return $"{found} in {Count(files, "file")}";
    }

    /// <summary>An array of objects.</summary>
    public static string Json(IReadOnlyList<Diagnostic> diagnostics)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartArray();
            foreach (var diagnostic in diagnostics)
            {
                Write(json, diagnostic);
            }

            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.ToArray()) + "\n";
    }

    private static void Write(Utf8JsonWriter json, Diagnostic diagnostic)
    {
        json.WriteStartObject();
        json.WriteString("file", diagnostic.Location.File);
        json.WriteNumber("line", diagnostic.Location.Line);
        json.WriteNumber("column", diagnostic.Location.Column);
        json.WriteString("severity", diagnostic.Severity == DiagnosticSeverity.Error ? "error" : "warning");
        json.WriteString("code", diagnostic.Code);
        json.WriteString("message", diagnostic.Message);
        if (diagnostic.Hint is { } hint)
        {
            json.WriteString("hint", hint);
        }

        json.WriteEndObject();
    }

    private static string Count(int count, string what) => count switch
    {
        0 => "",
        1 => $"1 {what}",
        _ => $"{count} {what}s",
    };
}
