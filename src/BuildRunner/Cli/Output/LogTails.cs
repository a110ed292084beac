using BuildRunner.Core.Logs;

namespace BuildRunner.Cli.Output;

/// <summary>Keeps the last lines of each step, for the summary, and hands every line on.</summary>
internal sealed class LogTails(ILogSink next) : ILogSink
{
    /// <summary>How many lines of a step are kept.</summary>
    public const int Kept = 12;

    private readonly Dictionary<(string Workflow, string Step), Tail> tails = [];
    private readonly Lock gate = new();

    /// <summary>The last lines of a step's last attempt, and how many came before them.</summary>
    public (IReadOnlyList<byte[]> Lines, long Above) Of(string workflow, string step)
    {
        lock (gate)
        {
            return tails.TryGetValue((workflow, step), out var tail) ? ([.. tail.Lines], tail.Count - tail.Lines.Count) : ([], 0);
        }
    }

    /// <inheritdoc/>
    public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            if (!tails.TryGetValue((line.Workflow, line.Step), out var tail) || tail.Attempt != line.Attempt)
            {
                tails[(line.Workflow, line.Step)] = tail = new Tail(line.Attempt);
            }

            tail.Add(line.Text);
        }

        return next.WriteAsync(line, cancellationToken);
    }

    private sealed class Tail(int attempt)
    {
        public int Attempt => attempt;

        public Queue<byte[]> Lines { get; } = new(Kept + 1);

        public long Count { get; private set; }

        public void Add(ReadOnlyMemory<byte> text)
        {
            Count++;
            Lines.Enqueue(text.ToArray());
            if (Lines.Count > Kept)
            {
                Lines.Dequeue();
            }
        }
    }
}
