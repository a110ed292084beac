using System.Globalization;
using BuildRunner.Cli.Output;
using BuildRunner.Core.Pipelines;

namespace BuildRunner.Cli.Linting;

/// <summary>Diagnostics as commands for GitHub's runner, which shows them at their lines.</summary>
internal static class LintGitHub
{
    /// <summary>One line each.</summary>
    public static string Write(IReadOnlyList<Diagnostic> diagnostics) => string.Concat(diagnostics.Select(d => Line(d) + "\n"));

    private static string Line(Diagnostic diagnostic) => GitHubCommands.Write(
        diagnostic.Severity == DiagnosticSeverity.Error ? "error" : "warning",
        diagnostic.Hint is { } hint ? $"{diagnostic.Message}. {hint}" : diagnostic.Message,
        ("file", diagnostic.Location.File),
        ("line", diagnostic.Location.Line.ToString(CultureInfo.InvariantCulture)),
        ("col", diagnostic.Location.Column.ToString(CultureInfo.InvariantCulture)),
        ("title", diagnostic.Code));
}
