using System.Text;
using BuildRunner.Core.Runs;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>What a check says in Markdown: a table, and the last lines of what failed. Never longer than GitHub takes; what is left out is said.</summary>
internal static class CheckSummary
{
    private const int MaxTailBytes = 6 * 1024;
    private const int MaxRowBytes = 1024;
    private const int MaxTests = 20;

    /// <summary>Of a workflow: its steps.</summary>
    public static string Of(RunView run, WorkflowState workflow)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(workflow);
        var rows = workflow.Steps.Select(step => Row(Symbol(step.Phase), Markdown.Link(step.Name, run.StepPage(workflow.Name, step.Name, ErrorLine(run, workflow, step))), Time(step), StepWords.Of(step.Phase)));
        return Compose("| | Step | Time | Result |", rows, workflow.Steps.SelectMany(step => new[] { Tests(run, workflow, step), Tail(run, workflow, step) }).OfType<string>());
    }

    /// <summary>Of a run: its workflows.</summary>
    public static string Of(RunView run, string headline)
    {
        ArgumentNullException.ThrowIfNull(run);
        var workflows = run.State?.Workflows ?? [];
        var rows = workflows.Select(workflow => Row(
            workflow.Phase is WorkflowPhase.Done done ? Symbol(done.Outcome) : "○",
            Markdown.Inline(run.LabelOf(workflow.Name)),
            workflow.Phase is WorkflowPhase.Done { StartedAt: { } started, At: var ended } ? Durations.Text(ended - started) : "",
            StepWords.Of(workflow.Phase)));
        var problems = run.FileProblems.Select(problem => $"- {Markdown.Inline($"{problem.Path}({problem.Line}): {problem.Message}")}\n");
        return Markdown.Cut(headline, MaxTailBytes) + "\n\n" + Compose("| | Workflow | Time | Result |", rows, problems, Encoding.UTF8.GetByteCount(headline) + 16);
    }

    private static string Compose(string header, IEnumerable<string> rows, IEnumerable<string> parts, int reserved = 0)
    {
        var text = new LimitedText(CheckLimits.Text - reserved);
        var all = rows.ToList();
        if (all.Count > 0)
        {
            text.Add(header + "\n|---|---|---|---|\n");
            var shown = all.TakeWhile(text.TryAdd).Count();
            if (shown < all.Count)
                text.Add($"\n… and {all.Count - shown} more; see the details page.\n");
        }
        foreach (var part in parts)
        {
            if (!text.TryAdd("\n" + part))
            {
                text.Add("\n… and more; see the details page.\n");
                break;
            }
        }
        return text.ToString();
    }

    private static string Row(string symbol, string name, string time, string result) =>
        $"| {symbol} | {name} | {time} | {Markdown.Inline(Markdown.Cut(result, MaxRowBytes))} |\n";

    private static string? Tests(RunView run, WorkflowState workflow, StepState step)
    {
        if (!run.Tests.TryGetValue((workflow.Name, step.Name), out var tests))
            return null;
        var skipped = tests.Skipped > 0 ? $", {tests.Skipped} skipped" : "";
        var failed = tests.Cases.Take(MaxTests).Select(c => $"- {Markdown.Inline(Markdown.Cut(c.File is null ? c.Name : $"{c.Name} ({c.File}:{c.Line})", MaxRowBytes))}\n");
        var more = tests.Failed > MaxTests ? $"- … and {tests.Failed - MaxTests} more\n" : "";
        return $"**{Markdown.Inline(step.Name)}**: {tests.Tests} tests, {tests.Failed} failed{skipped}\n\n{string.Concat(failed)}{more}";
    }

    private static string? Tail(RunView run, WorkflowState workflow, StepState step)
    {
        if (step.Phase is not StepPhase.Done { Conclusion: not (Outcome.Success or Outcome.Skipped) } || !run.Tails.TryGetValue((workflow.Name, step.Name), out var tail))
            return null;
        var lines = string.Join('\n', tail.Lines);
        // The end of a log says more than its beginning.
        while (Encoding.UTF8.GetByteCount(lines) > MaxTailBytes)
            lines = lines.IndexOf('\n', StringComparison.Ordinal) is >= 0 and var end ? lines[(end + 1)..] : Markdown.Cut(lines, MaxTailBytes);
        return $"**{Markdown.Inline(step.Name)}**: {Markdown.Inline(StepWords.Of(step.Phase))} ({Markdown.Link("log", run.StepPage(workflow.Name, step.Name, ErrorLine(run, workflow, step)))})\n\n{Markdown.Box(lines)}";
    }

    private static int? ErrorLine(RunView run, WorkflowState workflow, StepState step) =>
        run.Tails.TryGetValue((workflow.Name, step.Name), out var tail) ? tail.ErrorLine ?? tail.FirstLine : null;

    private static string Time(StepState step) => step.Attempts is [.., var last] ? Durations.Text(last.Phases.Run) : "";

    private static string Symbol(StepPhase phase) => phase switch
    {
        StepPhase.Done done => Symbol(done.Conclusion),
        StepPhase.Running => "●",
        _ => "○",
    };

    private static string Symbol(Outcome outcome) => outcome switch
    {
        Outcome.Success => "✓",
        Outcome.Skipped => "–",
        Outcome.Error or Outcome.Lost => "!",
        _ => "✗",
    };

    /// <summary>A text that keeps to a number of bytes, with room for a last word.</summary>
    private sealed class LimitedText(int limit)
    {
        private const int LastWord = 128;
        private readonly StringBuilder text = new();
        private int bytes;

        public bool TryAdd(string part)
        {
            var length = Encoding.UTF8.GetByteCount(part);
            if (bytes + length > limit - LastWord)
                return false;
            text.Append(part);
            bytes += length;
            return true;
        }

        public void Add(string part)
        {
            text.Append(part);
            bytes += Encoding.UTF8.GetByteCount(part);
        }

        public override string ToString() => text.ToString();
    }
}
