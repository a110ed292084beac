using BuildRunner.Core.Logs;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>For the log of another CI: each step as one part when it has ended, folded if it went well, open if it did not.</summary>
internal sealed class FoldedView : IRunView
{
    private static readonly TimeSpan Reminder = TimeSpan.FromSeconds(60);

    private readonly Stream stream;
    private readonly LineWriter writer;
    private readonly Style style;
    private readonly RunTitle title;
    private readonly CiFold fold;
    private readonly StepAnnotations annotations;
    private readonly TimeProvider time;
    private readonly Dictionary<(string Workflow, string Step), int> attempts;
    private readonly Dictionary<(string Workflow, string Step), Part> parts = [];
    private readonly Lock gate = new();
    private readonly ITimer watch;
    private int number;

    public FoldedView(Stream stream, Style style, RunTitle title, RunPlan plan, CiFold fold, StepAnnotations annotations, TimeProvider time)
    {
        this.stream = stream;
        writer = new LineWriter(stream);
        this.style = style;
        this.title = title;
        this.fold = fold;
        this.annotations = annotations;
        this.time = time;
        attempts = plan.Workflows.SelectMany(w => w.Steps.Select(s => (Key: (w.Name, s.Name), Attempts: s.Retry.Max + 1))).ToDictionary(p => p.Key, p => p.Attempts);
        watch = time.CreateTimer(_ => SayStillRunning(), null, Reminder, Reminder);
    }

    public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            var part = PartOf(line.Workflow, line.Step);
            var spooled = new LineWriter(part.Spool.Stream);
            LogText.WriteSafe(spooled, line.Text.Span, style.Colour);
            spooled.EndLine();
        }

        return ValueTask.CompletedTask;
    }

    public void Show(RunProgress progress, RunState state)
    {
        lock (gate)
        {
            switch (progress)
            {
                case RunProgress.StepStarted(var workflow, var step, 1, var image):
                    PartOf(workflow, step).Running = true;
                    writer.Add($"{style.Running} {title.Labels.Of(workflow, step)}  started").Add(image is null ? "" : "  " + style.Dim(Words.Image(image, style))).EndLine();
                    break;
                case RunProgress.AttemptEnded(var workflow, var step, var attempt):
                    new LineWriter(PartOf(workflow, step).Spool.Stream).Add(style.Yellow(Words.Retry(attempt, attempts.GetValueOrDefault((workflow, step), 1)))).EndLine();
                    break;
                case RunProgress.StepFinished(var workflow, var step, var done, var last):
                    Finish(workflow, step, done, last);
                    break;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await watch.DisposeAsync();
        foreach (var part in parts.Values)
        {
            part.Spool.Dispose();
        }
    }

    private void Finish(string workflow, string step, StepPhase.Done done, AttemptRecord? last)
    {
        var words = Words.Short(done);
        var header = $"{style.Sign(done.Conclusion is Outcome.Success ? done.Conclusion : done.Outcome)} {title.Labels.Of(workflow, step)}  "
            + $"{(last is null ? "" : Durations.Text(last.Phases.Run) + "  ")}{words}".TrimEnd();
        if (!parts.Remove((workflow, step), out var part))
        {
            writer.Add(header).EndLine();
            return;
        }

        using (part.Spool)
        {
            var folded = done.Conclusion is Outcome.Success or Outcome.Skipped or Outcome.Cancelled;
            fold.Open(writer, ++number, header, folded, part.Since);
            Copy(part.Spool);
            fold.Close(writer, number, folded, done.At);
        }

        var (shown, _) = annotations.Of(workflow, step);
        foreach (var annotation in shown)
        {
            fold.Annotate(writer, annotation with { Title = annotation.Title ?? title.Labels.Of(workflow, step) });
        }

        if (done.Conclusion is not (Outcome.Success or Outcome.Skipped or Outcome.Cancelled) && !shown.Any(a => a.Kind == AnnotationKind.Error))
        {
            fold.Annotate(writer, new LogAnnotation(AnnotationKind.Error, $"{title.Labels.Of(workflow, step)} {Words.End(done, last)}", null, null, null, null));
        }
    }

    private void Copy(StepSpool spool)
    {
        try
        {
            spool.CopyTo(stream);
            stream.Flush();
        }
        catch (IOException)
        {
            // The reader of a pipe has ended, or a disk is full; the run goes on.
        }
    }

    private Part PartOf(string workflow, string step)
    {
        if (!parts.TryGetValue((workflow, step), out var part))
        {
            parts[(workflow, step)] = part = new Part(time.GetUtcNow());
        }

        return part;
    }

    // A CI around this one may take silence for death.
    private void SayStillRunning()
    {
        lock (gate)
        {
            foreach (var ((workflow, step), part) in parts.Where(p => p.Value.Running))
            {
                writer.Add(style.Dim($"  {title.Labels.Of(workflow, step)}  still running, {Durations.Text(time.GetUtcNow() - part.Since)}")).EndLine();
            }
        }
    }

    private sealed class Part(DateTimeOffset since)
    {
        public DateTimeOffset Since => since;

        public StepSpool Spool { get; } = new();

        public bool Running { get; set; }
    }
}
