using System.Text;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>What stands at the end of a run: each failed step with its last lines, the sum, and what to do next.</summary>
internal sealed class Summary(Stream stream, Style style, RunTitle title, LogTails tails, StepAnnotations annotations)
{
    private readonly LineWriter writer = new(stream);

    /// <summary>Writes it.</summary>
    /// <param name="state">The run, ended.</param>
    /// <param name="hints">What to do next, each a few words and a command.</param>
    public void Write(RunState state, IReadOnlyList<(string What, string Command)> hints)
    {
        foreach (var workflow in state.Workflows)
        {
            WriteBroken(workflow);
            foreach (var step in workflow.Steps)
            {
                if (step.Phase is StepPhase.Done { Conclusion: not (Outcome.Success or Outcome.Skipped or Outcome.Cancelled) } done)
                {
                    WriteFailed(workflow.Name, step, done);
                }
                else
                {
                    WriteRemarks(workflow.Name, step);
                }
            }

            foreach (var service in workflow.Services)
            {
                if (service.Phase is StepPhase.Done { Conclusion: Outcome.Failure } done)
                {
                    WriteFailed(workflow.Name, service, done);
                }
            }
        }

        WriteSum(state);
        var width = hints.Count == 0 ? 0 : hints.Max(h => h.What.Length);
        foreach (var (what, command) in hints)
        {
            writer.Add("  ").Add(style.Dim(what.PadRight(width))).Add("   ").Add(command).EndLine();
        }
    }

    // A workflow that could not be started has no step that says why.
    private void WriteBroken(WorkflowState workflow)
    {
        if (workflow.Halt is Outcome.Error(_, var message) error)
        {
            writer.EndLine();
            writer.Add(style.Sign(error)).Add(" ").Add(style.Bold($"workflow {workflow.Name}")).Add("  ").Add(style.Red(message)).EndLine();
        }
    }

    private void WriteFailed(string workflow, StepState step, StepPhase.Done done)
    {
        var last = step.Attempts.IsEmpty ? null : step.Attempts[^1];
        writer.EndLine();
        writer.Add(style.Sign(done.Outcome)).Add(" ").Add(style.Bold(title.Labels.Of(workflow, step.Name)));
        if (last is { Image: { } image })
        {
            writer.Add("  ").Add(style.Dim(Words.WithoutHost(Words.Image(image, style))));
        }

        writer.Add("  ").Add(last is null ? "" : Durations.Text(last.Phases.Run)).Add("  ").Add(style.Red(Words.Short(done)));
        writer.Add(step.Attempts.Length > 1 ? $"  {step.Attempts.Length} attempts" : "").EndLine();
        WriteAnnotations(workflow, step.Name);
        var (lines, above) = tails.Of(workflow, step.Name);
        if (above > 0)
        {
            writer.Add("  ").Add(style.Dim($"{style.Ellipsis} {above} {(above == 1 ? "line" : "lines")} above")).EndLine();
        }

        foreach (var line in lines)
        {
            writer.Add("  ").Add(style.Dim(style.Bar)).Add(" ");
            LogText.WriteSafe(writer, line, style.Colour);
            writer.EndLine();
        }
    }

    // What a step that went well has to say about the source.
    private void WriteRemarks(string workflow, StepState step)
    {
        var (shown, more) = annotations.Of(workflow, step.Name);
        if (shown.Count > 0)
        {
            writer.EndLine();
            writer.Add(style.Warning).Add(" ").Add(style.Bold(title.Labels.Of(workflow, step.Name))).Add($"  {shown.Count + more} {(shown.Count + more == 1 ? "remark" : "remarks")}").EndLine();
            WriteAnnotations(workflow, step.Name);
        }
    }

    private void WriteAnnotations(string workflow, string step)
    {
        var (shown, more) = annotations.Of(workflow, step);
        var kinds = shown.Select(a => a.Kind.ToString().Length).DefaultIfEmpty().Max();
        foreach (var annotation in shown)
        {
            var word = annotation.Kind.ToString().ToLowerInvariant().PadRight(kinds);
            writer.Add("  ").Add(annotation.Kind switch { AnnotationKind.Error => style.Red(word), AnnotationKind.Warning => style.Yellow(word), _ => style.Dim(word) }).Add("  ");
            writer.Add(annotation.File is null ? "" : OneLine($"{annotation.File}{(annotation.Line is { } line ? $":{line}" : "")}  "));
            writer.Add(OneLine(annotation.Title is { } what ? $"{what}: {annotation.Message}" : annotation.Message)).EndLine();
        }

        if (more > 0)
        {
            writer.Add("  ").Add(style.Dim($"{style.Ellipsis} {more} more")).EndLine();
        }
    }

    private static string OneLine(string text) => CellText.Plain(Encoding.UTF8.GetBytes(text.ReplaceLineEndings(" ")));

    private void WriteSum(RunState state)
    {
        var result = state.Result ?? throw new ArgumentException("the run has not ended", nameof(state));
        var done = state.Workflows.SelectMany(w => w.Steps).Select(s => (StepPhase.Done)s.Phase).ToList();
        var counts = new (string Word, int Count)[]
        {
            ("passed", done.Count(d => d.Outcome is Outcome.Success)),
            ("failed", done.Count(d => d.Conclusion is Outcome.Failure) + state.Workflows.SelectMany(w => w.Services).Count(s => s.Phase is StepPhase.Done { Conclusion: Outcome.Failure })),
            ("ignored", done.Count(d => d.Conclusion is Outcome.Success && d.Outcome is not Outcome.Success)),
            ("timed out", done.Count(d => d.Conclusion is Outcome.TimedOut)),
            ("error", done.Count(d => d.Conclusion is Outcome.Error)),
            ("lost", done.Count(d => d.Conclusion is Outcome.Lost)),
            ("cancelled", done.Count(d => d.Conclusion is Outcome.Cancelled)),
            ("skipped", done.Count(d => d.Conclusion is Outcome.Skipped)),
        };
        writer.EndLine();
        writer.Add(style.Sign(result.Outcome)).Add(" ").Add(style.Bold($"{Words.Result(result.Outcome)} in {Durations.Text(result.At - state.CreatedAt)}"));
        foreach (var (word, count) in counts.Where(c => c.Count > 0))
        {
            writer.Add($" {style.Dot} {count} {word}");
        }

        writer.EndLine();
    }
}
