using System.Globalization;
using System.Text;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.LocalRuns;

/// <summary>Stores the logs of a local run as they come, and hands every line on.</summary>
/// <remarks>A line on the disk is its time in UTC, <c>out</c>, <c>err</c> or <c>sys</c>, and its bytes as the step wrote them, secrets masked. What cannot be
/// stored does not disturb the run; <see cref="Problem"/> says so at its end.</remarks>
internal sealed class RunArchive : ILogSink, IDisposable
{
    /// <summary>More of one attempt is not stored.</summary>
    public const long MaxBytes = 256L << 20;

    private readonly ILogSink next;
    private readonly LocalRuns runs;
    private readonly Dictionary<(string Workflow, string Step, int Attempt), StepFile> files = [];
    private readonly Lock gate = new();
    private LocalRunRecord record;

    private RunArchive(LocalRuns runs, LocalRunRecord record, ILogSink next)
    {
        this.runs = runs;
        this.record = record;
        this.next = next;
    }

    /// <summary>Why something of the run is not stored; null: everything is.</summary>
    public string? Problem { get; private set; }

    /// <summary>Begins to store a run; removes the oldest ones.</summary>
    /// <param name="runs">Where.</param>
    /// <param name="keep">How many runs are kept beside this one.</param>
    /// <param name="record">What is known of it.</param>
    /// <param name="next">Gets every line.</param>
    public static RunArchive Begin(LocalRuns runs, int keep, LocalRunRecord record, ILogSink next)
    {
        var archive = new RunArchive(runs, record, next);
        archive.Try(() =>
        {
            runs.Create(record.Id);
            runs.Save(record);
            runs.Prune(keep, record.Started);
        });
        return archive;
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken)
    {
        if (Problem is null)
        {
            Try(() => FileOf(line).Add(line));
        }

        return next.WriteAsync(line, cancellationToken);
    }

    /// <summary>Stores how the run ended.</summary>
    public void End(RunState state, DateTimeOffset now)
    {
        if (Problem is not null)
        {
            return;
        }

        Try(() =>
        {
            Dispose();
            var steps = record.Steps.Select(s => s with { Outcome = OutcomeOf(state, s) });
            runs.Save(record = record with { Ended = now, Result = state.Result?.Outcome.Word, Steps = [.. steps] });
        });
    }

    public void Dispose()
    {
        lock (gate)
        {
            foreach (var file in files.Values)
            {
                file.Dispose();
            }
        }
    }

    private static string? OutcomeOf(RunState state, LocalStepRecord step)
    {
        var workflow = state.Workflow(step.Workflow);
        return workflow.Steps.Concat(workflow.Services).FirstOrDefault(s => s.Name == step.Step)?.Phase is StepPhase.Done done ? done.Outcome.Word : null;
    }

    // Lines of one step come one after the other: only the table is shared.
    private StepFile FileOf(LogLine line)
    {
        lock (gate)
        {
            var key = (line.Workflow, line.Step, line.Attempt);
            if (!files.TryGetValue(key, out var file))
            {
                var name = $"{files.Count + 1}.log";
                files.Add(key, file = new StepFile(Path.Combine(runs.DirectoryOf(record.Id), name)));

                // At once, so that the log can be read while the run goes on.
                runs.Save(record = record with { Steps = [.. record.Steps, new LocalStepRecord(line.Workflow, line.Step, line.Attempt, name, null)] });
            }

            return file;
        }
    }

    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The run itself does not need it.
            Problem = e.Message;
        }
    }

    private sealed class StepFile(string path) : IDisposable
    {
        private readonly FileStream stream = new(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, 64 * 1024);
        private bool full;

        public void Add(LogLine line)
        {
            if (full)
            {
                return;
            }

            full = stream.Position > MaxBytes;
            var kind = full ? "sys" : line.Stream switch { LogStream.Out => "out", LogStream.Error => "err", _ => "sys" };
            Span<byte> head = stackalloc byte[32];
            Encoding.ASCII.TryGetBytes(string.Create(CultureInfo.InvariantCulture, $"{line.At.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fffZ} {kind} "), head, out var count);
            stream.Write(head[..count]);
            stream.Write(full ? "more than 256 MiB are not stored\n"u8 : line.Text.Span);
            if (!full)
            {
                stream.WriteByte((byte)'\n');
            }
        }

        public void Dispose() => stream.Dispose();
    }
}
