using System.Text;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Output;

/// <summary>A block at the end of the terminal that is drawn again as the run goes on; its last form stays in the scrollback.</summary>
internal sealed class LiveView : IRunView
{
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(100);
    private const int IdleTurns = 5;

    private readonly LineWriter writer;
    private readonly LiveFrame frame;
    private readonly TerminalFacts terminal;
    private readonly TimeProvider time;
    private readonly List<LiveRow> rows;
    private readonly Dictionary<(string Workflow, string Step), LiveRow> byName;
    private readonly Lock gate = new();
    private readonly ITimer timer;
    private List<int> drawn = [];
    private int idle;
    private bool dirty = true;
    private bool ended;

    public LiveView(Stream stream, Style style, RunTitle title, RunPlan plan, TerminalFacts terminal, TimeProvider time)
    {
        writer = new LineWriter(stream);
        frame = new LiveFrame(style, title, title.StartedAt ?? time.GetUtcNow());
        this.terminal = terminal;
        this.time = time;
        rows = [.. plan.Workflows.SelectMany(w => w.Services.Concat(w.Steps).Select(s => new LiveRow(title.Labels.Of(w.Name, s.Name), w.Name, s)))];
        byName = rows.GroupBy(r => (r.Workflow, r.Plan.Name)).ToDictionary(g => g.Key, g => g.First());
        timer = time.CreateTimer(_ => Tick(), null, TimeSpan.Zero, Redraw);
    }

    public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (byName.TryGetValue((line.Workflow, line.Step), out var row))
            {
                row.Add(CellText.Plain(line.Text.Span));
                dirty = true;
            }
        }

        return ValueTask.CompletedTask;
    }

    public void Show(RunProgress progress, RunState state)
    {
        lock (gate)
        {
            foreach (var (workflow, step) in state.Workflows.SelectMany(w => w.Steps.Concat(w.Services).Select(s => (w.Name, s))))
            {
                var row = byName[(workflow, step.Name)];
                row.Phase = step.Phase;
                row.Last = step.Attempts.IsEmpty ? null : step.Attempts[^1];
            }

            if (progress is RunProgress.AttemptEnded attempt)
            {
                byName[(attempt.Workflow, attempt.Step)].Clear();
            }

            dirty = true;
        }
    }

    public void ShowPull(ImagePull pull)
    {
        lock (gate)
        {
            foreach (var key in pull.Steps)
            {
                byName[key].Pull = pull.Text;
            }

            dirty = true;
        }
    }

    /// <summary>Draws the last form and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await timer.DisposeAsync();
        lock (gate)
        {
            if (!ended)
            {
                ended = true;
                Draw();
            }
        }
    }

    private void Tick()
    {
        lock (gate)
        {
            if (!ended && (dirty || ++idle >= IdleTurns))
            {
                Draw();
            }
        }
    }

    // One write a frame: back to the first line of the last one, each line to its end, and away with what is left of the last one.
    private void Draw()
    {
        var lines = frame.Render(rows, time.GetUtcNow(), Math.Max(20, terminal.Width() - 1), terminal.Height(), ended);
        if (drawn.Count > 0)
        {
            writer.Add($"\e[{Occupied(terminal.Width())}A");
        }

        foreach (var line in lines)
        {
            writer.Add("\r").Add(line).Add("\e[K\n");
        }

        writer.Add("\e[J");
        writer.Flush();
        (drawn, dirty, idle) = ([.. lines.Select(line => CellText.Width(CellText.Plain(Encoding.UTF8.GetBytes(line))))], false, 0);
    }

    // Lines on the screen: a terminal that was made narrower has broken the longer ones.
    private int Occupied(int width) => drawn.Sum(cells => Math.Max(1, (cells + width - 1) / Math.Max(1, width)));
}
