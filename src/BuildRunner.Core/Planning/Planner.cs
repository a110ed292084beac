using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Pipelines.Reading;

namespace BuildRunner.Core.Planning;

/// <summary>A pipeline file as it was found: its path and its bytes.</summary>
/// <param name="Path">As a person would write it, relative to the tree.</param>
/// <param name="Content">The bytes, not yet known to be text.</param>
public sealed record PipelineSource(string Path, ReadOnlyMemory<byte> Content);

/// <summary>What planning yields: a plan, or errors; warnings in both cases.</summary>
/// <param name="Plan">Null if a diagnostic is an error.</param>
/// <param name="Diagnostics">Everything there is to say, in order of file and line.</param>
public sealed record PlanResult(RunPlan? Plan, IReadOnlyList<Diagnostic> Diagnostics);

/// <summary>Turns pipeline files and an event into a plan. Pure: no file, clock, network or environment is looked at.</summary>
public static class Planner
{
    /// <summary>Reads, validates and plans. Never throws, whatever is in the files, and ends in bounded time and memory.</summary>
    /// <param name="sources">The files, in the order in which their workflows shall be shown.</param>
    /// <param name="runEvent">What the run is for. Its variables win over those that are made of its other facts.</param>
    public static PlanResult Plan(IReadOnlyList<PipelineSource> sources, RunEvent runEvent)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(runEvent);
        var diagnostics = new DiagnosticBag();
        var planner = new RunPlanner(runEvent, diagnostics);
        foreach (var source in sources)
            planner.Add(source);
        var workflows = planner.Finish();
        var said = diagnostics.ToList(sources.Select(source => source.Path));
        return new PlanResult(diagnostics.HasErrors ? null : new RunPlan(workflows, runEvent), said);
    }

    /// <summary>Writes the files out for an event: aliases, merges, matrix cells and known variables resolved. They plan to the same for the same event.</summary>
    /// <param name="sources">The files, which must plan without errors.</param>
    /// <param name="runEvent">What the run would be for.</param>
    /// <returns>The files under their own paths, with their new content; empty if they cannot be planned.</returns>
    public static IReadOnlyList<PipelineSource> Expand(IReadOnlyList<PipelineSource> sources, RunEvent runEvent)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(runEvent);
        var diagnostics = new DiagnosticBag();
        var planner = new RunPlanner(runEvent, diagnostics);
        foreach (var source in sources)
            planner.Add(source);
        planner.Finish();
        return diagnostics.HasErrors ? [] : [.. planner.Read.Select(file => new PipelineSource(file.Document.Path, System.Text.Encoding.UTF8.GetBytes(new RunExpander(file).Expand())))];
    }

    /// <summary>The inputs that files declare, together and in their order: a value may be given for each.</summary>
    /// <param name="sources">The files.</param>
    /// <returns>Null: one of them is no pipeline.</returns>
    public static IReadOnlyList<PipelineInput>? Inputs(IReadOnlyList<PipelineSource> sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        var diagnostics = new DiagnosticBag();
        var documents = sources.Select(source => PipelineDocument.Read(source, diagnostics)).ToList();
        return documents.Contains(null)
            ? null
            : [.. documents.SelectMany(document => InputRules.Bind(document!.Root)).GroupBy(input => input.Name, StringComparer.Ordinal).Select(declared => new PipelineInput([.. declared]))];
    }

    /// <summary>Reads and validates without an event: what depends on one is not judged. Never throws, and ends in bounded time and memory.</summary>
    /// <param name="sources">The files.</param>
    /// <returns>Everything there is to say, in order of file and line.</returns>
    public static IReadOnlyList<Diagnostic> Lint(IReadOnlyList<PipelineSource> sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        var diagnostics = new DiagnosticBag();
        var linter = new RunLinter(diagnostics);
        foreach (var source in sources)
            linter.Add(source);
        linter.Finish();
        return diagnostics.ToList(sources.Select(source => source.Path));
    }
}
