using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using BuildRunner.Agent.Steps;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>One JSON object a line, for programs. The schema is described in <c>docs/progress-json.md</c>; <c>v</c> is its version.</summary>
internal sealed class JsonView(Stream stream, RunTitle title, TimeProvider time) : IRunView
{
    private const int SchemaVersion = 1;

    // Not for HTML: what JSON itself does not forbid stays readable.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly LineWriter writer = new(stream);
    private readonly ArrayBufferWriter<byte> buffer = new();
    private readonly Lock gate = new();
    private DateTimeOffset started = time.GetUtcNow();

    public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken)
    {
        Write("log", line.At, line.Workflow, line.Step, line.Attempt, json =>
        {
            json.WriteNumber("n", line.Number);
            json.WriteString("s", line.Stream switch { LogStream.Out => "out", LogStream.Error => "err", _ => "sys" });
            if (Utf8.IsValid(line.Text.Span))
            {
                json.WriteString("text", line.Text.Span);
            }
            else
            {
                json.WriteBase64String("base64", line.Text.Span);
            }
        });
        return ValueTask.CompletedTask;
    }

    public void Show(RunProgress progress, RunState state)
    {
        var now = time.GetUtcNow();
        switch (progress)
        {
            case RunProgress.RunStarted:
                started = title.StartedAt ?? now;
                Write("run.started", now, null, null, null, json => WriteTitle(json));
                break;
            case RunProgress.StepQueued(var workflow, var step, var attempt):
                Write("step.queued", now, workflow, step, attempt, _ => { });
                break;
            case RunProgress.StepPulling(var workflow, var step, var attempt):
                Write("step.pulling", now, workflow, step, attempt, _ => { });
                break;
            case RunProgress.StepStarted(var workflow, var step, var attempt, var image):
                Write("step.started", now, workflow, step, attempt, json => WriteText(json, "image", image));
                break;
            case RunProgress.AttemptEnded(var workflow, var step, var attempt):
                Write("attempt.finished", now, workflow, step, attempt.Number, json => WriteEnd(json, attempt.Outcome, attempt));
                break;
            case RunProgress.StepFinished(var workflow, var step, var done, var last):
                Write("step.finished", now, workflow, step, last?.Number, json => WriteDone(json, done, last));
                break;
            case RunProgress.WorkflowFinished(var workflow, var done):
                Write("workflow.finished", now, workflow, null, null, json => WriteResult(json, done.Outcome, done.At - (done.StartedAt ?? done.At)));
                break;
            case RunProgress.RunFinished(var result):
                Write("run.finished", now, null, null, null, json => WriteRun(json, result));
                break;
        }
    }

    /// <summary>Tells what a step wrote for people to read.</summary>
    public void Show(StepSummary summary) =>
        Write("step.summary", time.GetUtcNow(), summary.Workflow, summary.Step, summary.Attempt, json => json.WriteString("text", summary.Text));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void WriteTitle(Utf8JsonWriter json)
    {
        json.WriteString("title", title.Title);
        WriteText(json, "event", title.Event);
    }

    private void WriteRun(Utf8JsonWriter json, RunResult result)
    {
        WriteResult(json, result.Outcome, result.At - started);
        json.WriteNumber("exit", (int)ExitCodes.Of(result.Outcome));
    }

    private static void WriteResult(Utf8JsonWriter json, Outcome outcome, TimeSpan took)
    {
        json.WriteString("result", outcome.Word);
        WriteText(json, "reason", Reason(outcome));
        json.WriteNumber("ms", Milliseconds(took));
    }

    private static void WriteDone(Utf8JsonWriter json, StepPhase.Done done, AttemptRecord? last)
    {
        json.WriteString("conclusion", done.Conclusion.Word);
        WriteText(json, "warning", done.Warning);
        WriteEnd(json, done.Outcome, last);
    }

    private static void WriteEnd(Utf8JsonWriter json, Outcome outcome, AttemptRecord? attempt)
    {
        json.WriteString("outcome", outcome.Word);
        WriteText(json, "reason", Reason(outcome));
        if (outcome is Outcome.Error(var code, _))
        {
            json.WriteString("error", code);
        }

        if (ExitCodes.StatusOf(outcome) is { } exit)
        {
            json.WriteNumber("exit", exit);
        }

        if (attempt is not null)
        {
            WriteText(json, "image", attempt.Image);
            json.WriteStartObject("phases");
            json.WriteNumber("queue", Milliseconds(attempt.Phases.Queue));
            json.WriteNumber("pull", Milliseconds(attempt.Phases.Pull));
            json.WriteNumber("create", Milliseconds(attempt.Phases.Create));
            json.WriteNumber("run", Milliseconds(attempt.Phases.Run));
            json.WriteEndObject();
        }
    }

    private static string? Reason(Outcome outcome) => outcome switch
    {
        Outcome.Failure(var reason) => reason?.ToString(),
        Outcome.TimedOut(var limit) => $"over {Durations.Text(limit)}",
        Outcome.Cancelled(var why) => why,
        Outcome.Skipped(var why) => why,
        Outcome.Error(_, var message) => message,
        Outcome.Lost(var why) => why,
        _ => null,
    };

    private void Write(string name, DateTimeOffset at, string? workflow, string? step, int? attempt, Action<Utf8JsonWriter> rest)
    {
        lock (gate)
        {
            buffer.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(buffer, Options))
            {
                json.WriteStartObject();
                json.WriteNumber("v", SchemaVersion);
                json.WriteString("t", at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
                json.WriteString("e", name);
                json.WriteString("run", title.Run.ToString());
                WriteText(json, "workflow", workflow);
                WriteText(json, "step", step);
                if (attempt is { } number)
                {
                    json.WriteNumber("attempt", number);
                }

                rest(json);
                json.WriteEndObject();
            }

            writer.Add(buffer.WrittenSpan).EndLine();
        }
    }

    private static void WriteText(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
        {
            json.WriteString(name, value);
        }
    }

    private static long Milliseconds(TimeSpan span) => (long)Math.Max(0, span.TotalMilliseconds);
}
