using System.Globalization;
using System.Text;
using System.Xml;
using BuildRunner.Cli.Output;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Running;

/// <summary><c>--report FILE</c>: a run as JUnit describes tests. A workflow is a suite, a step a case.</summary>
internal static class JUnitReport
{
    /// <summary>Writes it; the directory is made if it is not there.</summary>
    /// <param name="path">The file; an old one is replaced.</param>
    /// <param name="title">The name of the whole.</param>
    /// <param name="state">The run, ended.</param>
    /// <param name="tails">The last lines of each step.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Write(string path, string title, RunState state, LogTails tails)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (var xml = XmlWriter.Create(path + ".new", new XmlWriterSettings { Indent = true, Encoding = new UTF8Encoding(false) }))
        {
            var steps = state.Workflows.SelectMany(w => w.Steps).ToList();
            xml.WriteStartElement("testsuites");
            xml.WriteAttributeString("name", Clean(title));
            WriteCounts(xml, steps);
            foreach (var workflow in state.Workflows)
            {
                WriteWorkflow(xml, workflow, tails);
            }

            xml.WriteEndElement();
        }

        File.Move(path + ".new", path, overwrite: true);
    }

    private static void WriteWorkflow(XmlWriter xml, WorkflowState workflow, LogTails tails)
    {
        var done = workflow.Phase as WorkflowPhase.Done;
        xml.WriteStartElement("testsuite");
        xml.WriteAttributeString("name", Clean(workflow.Name));
        WriteCounts(xml, workflow.Steps);
        if (done?.StartedAt is { } started)
        {
            xml.WriteAttributeString("timestamp", started.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture));
        }

        foreach (var step in workflow.Steps)
        {
            WriteStep(xml, workflow.Name, step, tails);
        }

        xml.WriteEndElement();
    }

    private static void WriteStep(XmlWriter xml, string workflow, StepState step, LogTails tails)
    {
        if (step.Phase is not StepPhase.Done done)
        {
            return;
        }

        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("classname", Clean(workflow));
        xml.WriteAttributeString("name", Clean(step.Name));
        xml.WriteAttributeString("time", Seconds(TimeOf(step)));
        var lines = tails.Of(workflow, step.Name).Lines;
        var text = Clean(string.Join('\n', lines.Select(l => CellText.Plain(l))));
        switch (done.Conclusion)
        {
            case Outcome.Skipped or Outcome.Cancelled:
                xml.WriteStartElement("skipped");
                xml.WriteAttributeString("message", Clean(done.Conclusion is Outcome.Cancelled(var who) ? $"cancelled: {who}" : ((Outcome.Skipped)done.Conclusion).Why));
                xml.WriteEndElement();
                break;
            case Outcome.Failure or Outcome.TimedOut:
                WriteProblem(xml, "failure", done, text);
                break;
            case Outcome.Error or Outcome.Lost:
                WriteProblem(xml, "error", done, text);
                break;
        }

        if (text.Length > 0)
        {
            xml.WriteElementString("system-out", text);
        }

        xml.WriteEndElement();
    }

    private static void WriteProblem(XmlWriter xml, string element, StepPhase.Done done, string text)
    {
        xml.WriteStartElement(element);
        xml.WriteAttributeString("type", done.Outcome is Outcome.Error(var reason, _) ? reason : done.Outcome.Word);
        xml.WriteAttributeString("message", Clean(Words.Short(done)));
        xml.WriteString(text);
        xml.WriteEndElement();
    }

    private static void WriteCounts(XmlWriter xml, IReadOnlyCollection<StepState> steps)
    {
        int Count(Func<Outcome, bool> is_) => steps.Count(s => s.Phase is StepPhase.Done done && is_(done.Conclusion));
        xml.WriteAttributeString("tests", steps.Count.ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("failures", Count(o => o is Outcome.Failure or Outcome.TimedOut).ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("errors", Count(o => o is Outcome.Error or Outcome.Lost).ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("skipped", Count(o => o is Outcome.Skipped or Outcome.Cancelled).ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("time", Seconds(steps.Aggregate(TimeSpan.Zero, (sum, s) => sum + TimeOf(s))));
    }

    private static TimeSpan TimeOf(StepState step) => step.Attempts.Aggregate(TimeSpan.Zero, (sum, a) => sum + a.Phases.Run);

    private static string Seconds(TimeSpan span) => span.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);

    // XML has no way at all to say some characters.
    private static string Clean(string text) => string.Concat(text.EnumerateRunes().Select(r =>
        r.Value is 0x9 or 0xA or 0xD or (>= 0x20 and <= 0xFFFD) or >= 0x10000 ? r.ToString() : "\uFFFD"));
}
