using BuildRunner.Core.Pipelines;

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
    public static PlanResult Plan(IReadOnlyList<PipelineSource> sources, RunEvent runEvent)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(runEvent);
        throw new NotImplementedException("written next, by the language work");
    }
}
