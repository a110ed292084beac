namespace BuildRunner.Core.Pipelines;

/// <summary>Something to say about a pipeline file. Reading and planning yield lists of these, never exceptions.</summary>
/// <param name="Code">Stable code: <c>BR1</c> and three digits.</param>
/// <param name="Severity">Whether the file can be used.</param>
/// <param name="Message">What is wrong, in one sentence without a final full stop.</param>
/// <param name="Location">Where.</param>
/// <param name="Hint">What to do; a sentence, or null.</param>
public sealed record Diagnostic(string Code, DiagnosticSeverity Severity, string Message, SourceLocation Location, string? Hint = null)
{
    /// <summary><c>file(line,column): error BR1012: message. hint</c>.</summary>
    public override string ToString() =>
        $"{Location}: {(Severity == DiagnosticSeverity.Error ? "error" : "warning")} {Code}: {Message}{(Hint is null ? "" : ". " + Hint)}";
}

/// <summary>How bad it is.</summary>
public enum DiagnosticSeverity
{
    /// <summary>The file is used; somebody should look.</summary>
    Warning,

    /// <summary>The file cannot be used.</summary>
    Error,
}

/// <summary>A place in a file.</summary>
/// <param name="File">The file's path as a person would write it, relative to the tree.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
public readonly record struct SourceLocation(string File, int Line, int Column)
{
    /// <inheritdoc/>
    public override string ToString() => $"{File}({Line},{Column})";
}
