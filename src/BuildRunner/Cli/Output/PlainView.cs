using BuildRunner.Cli.Images;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>One line after the other, each with the step's name before it: <c>name │ text</c>.</summary>
internal sealed class PlainView : IRunView
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(60);

    // Between two lines about the same pull.
    private static readonly TimeSpan PullPause = TimeSpan.FromSeconds(10);

    private readonly LineWriter writer;
    private readonly Style style;
    private readonly RunTitle title;
    private readonly Timestamps timestamps;
    private readonly TimeProvider time;
    private readonly Dictionary<(string Workflow, string Step), int> attempts;
    private readonly Dictionary<(string Workflow, string Step), (DateTimeOffset Started, DateTimeOffset Heard)> running = [];
    private readonly Dictionary<string, (DateTimeOffset Started, DateTimeOffset Said)> pulls = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private readonly ITimer watch;

    public PlainView(Stream stream, Style style, RunTitle title, RunPlan plan, Timestamps timestamps, TimeProvider time)
    {
        writer = new LineWriter(stream);
        this.style = style;
        this.title = title;
        this.timestamps = timestamps;
        this.time = time;
        attempts = plan.Workflows.SelectMany(w => w.Steps.Select(s => (Key: (w.Name, s.Name), Attempts: s.Retry.Max + 1))).ToDictionary(p => p.Key, p => p.Attempts);
        watch = time.CreateTimer(_ => SayStillRunning(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
    }

    public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (running.TryGetValue((line.Workflow, line.Step), out var times))
            {
                running[(line.Workflow, line.Step)] = times with { Heard = line.At };
            }

            Begin(line.Workflow, line.Step, line.At);
            LogText.WriteSafe(writer, line.Text.Span, style.Colour);
            writer.EndLine();
        }

        return ValueTask.CompletedTask;
    }

    public void Show(RunProgress progress, RunState state)
    {
        lock (gate)
        {
            switch (progress)
            {
                case RunProgress.StepStarted(var workflow, var step, _, var image):
                    var now = time.GetUtcNow();
                    running[(workflow, step)] = (now, now);
                    Say(workflow, step, image is null ? "start" : $"start {Words.Image(image, style)}");
                    break;
                case RunProgress.AttemptEnded(var workflow, var step, var attempt):
                    running.Remove((workflow, step));
                    Say(workflow, step, style.Yellow(Words.Retry(attempt, attempts.GetValueOrDefault((workflow, step), 1))));
                    break;
                case RunProgress.StepFinished(var workflow, var step, var done, var last):
                    running.Remove((workflow, step));
                    Say(workflow, step, Paint(done, Words.End(done, last)));
                    break;
            }
        }
    }

    public void ShowPull(ImagePull pull)
    {
        lock (gate)
        {
            var known = pulls.TryGetValue(pull.Image, out var times);
            var now = time.GetUtcNow();
            if (pull.Progress.Phase == PullPhase.Loading && (!known || now - times.Said >= PullPause))
            {
                pulls[pull.Image] = (known ? times.Started : now, now);
                Say(pull.Steps[0].Workflow, pull.Steps[0].Step, style.Dim(known ? pull.Text! : $"pull {pull.Image}{Size(pull.Progress.TotalBytes)}"));
            }
            else if (pull.Progress.Phase == PullPhase.Done && pulls.Remove(pull.Image, out times))
            {
                Say(pull.Steps[0].Workflow, pull.Steps[0].Step, style.Dim($"pulled {pull.Image} in {Durations.Text(now - times.Started)}"));
            }
        }
    }

    public ValueTask DisposeAsync() => watch.DisposeAsync();

    private static string Size(long bytes) => bytes > 0 ? $", {SizeText.Of(bytes)}" : "";

    private string Paint(StepPhase.Done done, string text) => done.Conclusion switch
    {
        Outcome.Success when done.Outcome is Outcome.Success && done.Warning is null => style.Dim(text),
        Outcome.Success => style.Yellow(text),
        Outcome.Skipped => style.Dim(text),
        Outcome.Cancelled => style.Yellow(text),
        _ => style.Red(text),
    };

    private void Say(string workflow, string step, string text)
    {
        Begin(workflow, step, time.GetUtcNow());
        writer.Add(text).EndLine();
    }

    private void Begin(string workflow, string step, DateTimeOffset at)
    {
        if (timestamps.Text(at) is { } stamp)
        {
            writer.Add(style.Dim(stamp)).Add(" ");
        }

        writer.Add(style.Label(title.Labels.Number(workflow, step), title.Labels.Padded(workflow, step))).Add(" ").Add(style.Dim(style.Bar)).Add(" ");
    }

    // So that what reads this does not take silence for death.
    private void SayStillRunning()
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            foreach (var (key, times) in running.Where(r => now - r.Value.Heard >= Silence).ToList())
            {
                running[key] = times with { Heard = now };
                Say(key.Workflow, key.Step, style.Dim($"still running, {Durations.Text(now - times.Started)}"));
            }
        }
    }
}
