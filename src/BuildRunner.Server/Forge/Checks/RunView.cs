using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>A run as its checks show it.</summary>
internal sealed record RunView
{
    /// <summary>Which.</summary>
    public required RunId Id { get; init; }

    /// <summary>Its number in the repository.</summary>
    public required int Number { get; init; }

    /// <summary>The commit whose checks these are.</summary>
    public required string Commit { get; init; }

    /// <summary>The event's kind.</summary>
    public required string Event { get; init; }

    /// <summary>One higher with each change of anything below.</summary>
    public required long Revision { get; init; }

    /// <summary>The run's page.</summary>
    public required Uri Page { get; init; }

    /// <summary>What has happened; null: its files have errors, or it was skipped as a whole.</summary>
    public RunState? State { get; init; }

    /// <summary>Why somebody has to approve it, as a sentence; null: nobody has to, or it was decided.</summary>
    public string? NeedsApproval { get; init; }

    /// <summary>How it ended without having begun: its files have errors, nothing in them is for this event, it was skipped or declined. Null otherwise.</summary>
    public RunResult? EndedBefore { get; init; }

    /// <summary>How people read the names of workflows that are matrix cells, by name.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>What is wrong with the files, as marks at their lines.</summary>
    public IReadOnlyList<CheckAnnotation> FileProblems { get; init; } = [];

    /// <summary>Marks that the steps of a workflow made, by workflow.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<CheckAnnotation>> Annotations { get; init; } = new Dictionary<string, IReadOnlyList<CheckAnnotation>>();

    /// <summary>The last lines of steps that failed, by workflow and step, with secrets masked.</summary>
    public IReadOnlyDictionary<(string Workflow, string Step), LogTail> Tails { get; init; } = new Dictionary<(string Workflow, string Step), LogTail>();

    /// <summary>What the test reports of steps say, by workflow and step.</summary>
    public IReadOnlyDictionary<(string Workflow, string Step), TestReport> Tests { get; init; } = new Dictionary<(string Workflow, string Step), TestReport>();

    /// <summary>How people read a workflow's name.</summary>
    public string LabelOf(string workflow) => Labels.GetValueOrDefault(workflow, workflow);

    /// <summary>The page of a step's log, at a line.</summary>
    public Uri StepPage(string workflow, string step, int? line = null) =>
        new($"{Page.AbsoluteUri.TrimEnd('/')}/steps/{Uri.EscapeDataString(step)}?workflow={Uri.EscapeDataString(workflow)}{(line is null ? "" : $"#L{line}")}");
}

/// <summary>The last lines of a log.</summary>
/// <param name="FirstLine">The number of the first of them.</param>
/// <param name="Lines">The lines.</param>
/// <param name="ErrorLine">The number of the line that says what went wrong; null: not known.</param>
internal sealed record LogTail(int FirstLine, IReadOnlyList<string> Lines, int? ErrorLine = null);
