namespace BuildRunner.Core.Pipelines;

/// <summary>Collects what there is to say about files. The same thing said twice of the same place (by two matrix cells, or through an alias) counts once.</summary>
internal sealed class DiagnosticBag
{
    /// <summary>How many are kept; after that one more says so.</summary>
    public const int Limit = 200;

    private readonly List<Diagnostic> items = [];
    private readonly HashSet<Diagnostic> seen = [];

    /// <summary>True if a file cannot be used.</summary>
    public bool HasErrors { get; private set; }

    /// <summary>True if no more are kept.</summary>
    public bool IsFull => items.Count > Limit;

    /// <summary>A reason why the file cannot be used.</summary>
    public void Error(string code, SourceLocation location, string message, string? hint = null) =>
        Add(new Diagnostic(code, DiagnosticSeverity.Error, message, location, hint));

    /// <summary>Something somebody should look at.</summary>
    public void Warning(string code, SourceLocation location, string message, string? hint = null) =>
        Add(new Diagnostic(code, DiagnosticSeverity.Warning, message, location, hint));

    /// <summary>Adds one.</summary>
    public void Add(Diagnostic diagnostic)
    {
        HasErrors |= diagnostic.Severity == DiagnosticSeverity.Error;
        if (IsFull || !seen.Add(diagnostic))
            return;
        items.Add(items.Count < Limit
            ? diagnostic
            : new Diagnostic(DiagnosticCodes.TooManyProblems, DiagnosticSeverity.Error, $"more than {Limit} problems; the rest is not shown", diagnostic.Location));
    }

    /// <summary>Adds everything to another one.</summary>
    public void MoveTo(DiagnosticBag other)
    {
        foreach (var item in items)
            other.Add(item);
    }

    /// <summary>Everything, by file in the given order, then by line and column.</summary>
    public IReadOnlyList<Diagnostic> ToList(IEnumerable<string> files)
    {
        var order = files.Distinct().Select((file, index) => (file, index)).ToDictionary(pair => pair.file, pair => pair.index, StringComparer.Ordinal);
        return
        [
            .. items
                .OrderBy(item => order.GetValueOrDefault(item.Location.File, int.MaxValue))
                .ThenBy(item => item.Location.Line)
                .ThenBy(item => item.Location.Column)
                .ThenBy(item => item.Code, StringComparer.Ordinal),
        ];
    }
}
