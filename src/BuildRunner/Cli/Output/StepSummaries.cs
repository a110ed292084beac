using System.Text;
using BuildRunner.Agent.Steps;

namespace BuildRunner.Cli.Output;

/// <summary>What steps wrote for people to read (<c>BUILDRUNNER_SUMMARY</c>), before the sum of the run. Markdown is shown as it is written.</summary>
internal sealed class StepSummaries(Stream stream, Style style, RunTitle title)
{
    private const int MaxLines = 200;

    private readonly LineWriter writer = new(stream);

    /// <summary>Writes them; of each step only that of its last attempt.</summary>
    public void Write(IEnumerable<StepSummary> summaries)
    {
        foreach (var step in summaries.GroupBy(s => (s.Workflow, s.Step)).Select(g => g.MaxBy(s => s.Attempt)!).OrderBy(s => title.Labels.Number(s.Workflow, s.Step)))
        {
            writer.EndLine();
            writer.Add(style.Bold($"summary of {title.Labels.Of(step.Workflow, step.Step)}")).EndLine();
            var lines = step.Text.TrimEnd().Split('\n');
            foreach (var line in lines.Take(MaxLines))
            {
                writer.Add("  ");
                LogText.WriteSafe(writer, Encoding.UTF8.GetBytes(line.TrimEnd('\r')), colour: false);
                writer.EndLine();
            }

            if (lines.Length > MaxLines)
            {
                writer.Add("  ").Add(style.Dim($"{style.Ellipsis} {lines.Length - MaxLines} more lines; --progress json has them all")).EndLine();
            }
        }
    }
}
