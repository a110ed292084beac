using BuildRunner.Core.Logs;
using BuildRunner.Core.Planning;

namespace BuildRunner.Cli.Output;

/// <summary>Keeps what steps say about the source (<see cref="LogAnnotation"/>), of each kind the first <see cref="LogAnnotation.Limit"/>, and hands every line on.</summary>
internal sealed class StepAnnotations(RunPlan plan) : ILogSink
{
    private readonly Dictionary<string, string> trees = plan.Workflows.ToDictionary(w => w.Name, w => w.WorkspaceTree + "/", StringComparer.Ordinal);
    private readonly Dictionary<(string Workflow, string Step), Kept> steps = [];
    private readonly Lock gate = new();

    /// <summary>Where lines go afterwards.</summary>
    public ILogSink? Next { get; set; }

    /// <summary>Those of a step's last attempt, worst first, and how many more there were.</summary>
    public (IReadOnlyList<LogAnnotation> Shown, int More) Of(string workflow, string step)
    {
        lock (gate)
        {
            return steps.TryGetValue((workflow, step), out var kept) ? ([.. kept.All.OrderByDescending(a => a.Kind)], kept.More) : ([], 0);
        }
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken)
    {
        if (line.Stream != LogStream.System && LogAnnotation.Parse(line.Text.Span) is { } annotation)
        {
            Keep(line, annotation);
        }

        return Next?.WriteAsync(line, cancellationToken) ?? ValueTask.CompletedTask;
    }

    private void Keep(LogLine line, LogAnnotation annotation)
    {
        lock (gate)
        {
            if (!steps.TryGetValue((line.Workflow, line.Step), out var kept) || kept.Attempt != line.Attempt)
            {
                steps[(line.Workflow, line.Step)] = kept = new Kept(line.Attempt);
            }

            if (kept.All.Count(a => a.Kind == annotation.Kind) >= LogAnnotation.Limit)
            {
                kept.More++;
                return;
            }

            // Steps call files by where they lie in the container; outside they lie in the repository.
            var tree = trees.GetValueOrDefault(line.Workflow, "/");
            kept.All.Add(annotation.File is { } file && file.StartsWith(tree, StringComparison.Ordinal) ? annotation with { File = file[tree.Length..] } : annotation);
        }
    }

    private sealed class Kept(int attempt)
    {
        public int Attempt => attempt;

        public List<LogAnnotation> All { get; } = [];

        public int More { get; set; }
    }
}
