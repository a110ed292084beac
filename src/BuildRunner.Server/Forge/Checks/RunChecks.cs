using BuildRunner.Core.Runs;
using BuildRunner.Server.Triggers.GitHub;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>What the checks of a run shall show: one for the run, and one for each of its workflows. Pure.</summary>
internal static class RunChecks
{
    private static readonly CheckButton Approve = new(CheckEvents.Approve, "Approve and run", "Runs this commit, without secrets");
    private static readonly CheckButton Cancel = new(CheckEvents.Cancel, "Cancel", "Ends the run");
    private static readonly CheckButton RerunFailed = new(CheckEvents.RerunFailed, "Rerun what failed", "Keeps what succeeded");

    /// <summary>The checks.</summary>
    /// <param name="run">The run.</param>
    /// <param name="prefix">What their names begin with.</param>
    public static IReadOnlyList<DesiredCheck> Of(RunView run, string prefix)
    {
        ArgumentNullException.ThrowIfNull(run);
        return [OfRun(run, prefix), .. (run.State?.Workflows ?? []).Select(workflow => OfWorkflow(run, workflow, prefix))];
    }

    /// <summary>The name of a check: <c>buildrunner/pr</c> of a run, <c>buildrunner/pr/build</c> of a workflow. A push and a pull request of one commit do not share it. Rules that require checks
    /// know them by it, so that a matrix cell keeps its number here and has its values in the title (decision 220).</summary>
    public static string Name(string prefix, string kind, string workflow = "") =>
        $"{prefix}/{(kind.StartsWith("pull_request", StringComparison.Ordinal) ? "pr" + kind["pull_request".Length..] : kind)}{(workflow.Length > 0 ? "/" : "")}{workflow}";

    private static DesiredCheck OfRun(RunView run, string prefix)
    {
        var result = run.State?.Result ?? run.EndedBefore;
        var title = (run.NeedsApproval, result) switch
        {
            ({ } why, null) => $"Waits for approval: {why}",
            (_, null) => "Running",
            (_, { } ended) => StepWords.Of(ended.Outcome),
        };
        return new()
        {
            Key = new(run.Id, ""),
            Name = Name(prefix, run.Event),
            Commit = run.Commit,
            Revision = run.Revision,
            Stage = Stage(run, result),
            StartedAt = run.State?.CreatedAt,
            Details = run.Page,
            Title = Title(title),
            Summary = CheckSummary.Of(run, Headline(run, title)),
            Annotations = run.FileProblems,
            Buttons = Buttons(run, result),
        };
    }

    private static DesiredCheck OfWorkflow(RunView run, WorkflowState workflow, string prefix)
    {
        var done = workflow.Phase as WorkflowPhase.Done;
        return new()
        {
            Key = new(run.Id, workflow.Name),
            Name = Name(prefix, run.Event, workflow.Name),
            Commit = run.Commit,
            Revision = run.Revision,
            Stage = workflow.Phase switch
            {
                WorkflowPhase.Done ended => new CheckStage.Completed(Verdict(ended.Outcome), ended.At),
                WorkflowPhase.Waiting => new CheckStage.Queued(),
                _ => new CheckStage.InProgress(),
            },
            StartedAt = workflow.Phase switch
            {
                WorkflowPhase.Starting starting => starting.Since,
                WorkflowPhase.Running running => running.Since,
                WorkflowPhase.Ending ending => ending.Since,
                _ => done?.StartedAt,
            },
            Details = FirstFailure(run, workflow) ?? run.Page,
            Title = Title((run.Labels.TryGetValue(workflow.Name, out var cell) ? cell + ": " : "") + (run.NeedsApproval is not null && done is null ? "Waits for approval" : StepWords.Of(workflow.Phase))),
            Summary = CheckSummary.Of(run, workflow),
            Annotations = run.Annotations.TryGetValue(workflow.Name, out var annotations) ? annotations : [],
            Buttons = done is not null && Verdict(done.Outcome) is not (CheckVerdict.Success or CheckVerdict.Skipped) && run.State?.Result is not null ? [RerunFailed] : [],
        };
    }

    private static CheckStage Stage(RunView run, RunResult? result) => (result, run.NeedsApproval) switch
    {
        ({ } ended, _) => new CheckStage.Completed(Verdict(ended.Outcome), ended.At),
        (_, not null) => new CheckStage.Queued(),
        _ => new CheckStage.InProgress(),
    };

    private static IReadOnlyList<CheckButton> Buttons(RunView run, RunResult? result) => (result, run.NeedsApproval) switch
    {
        (null, not null) => [Approve],
        (null, _) => [Cancel],
        ({ } ended, _) when run.State is not null && Verdict(ended.Outcome) is not (CheckVerdict.Success or CheckVerdict.Skipped) => [RerunFailed],
        _ => [],
    };

    private static string Headline(RunView run, string title) => run.NeedsApproval is { } why && run.EndedBefore is null
        ? $"{Markdown.Inline(why)}.\n\nSomebody who may write to this repository approves exactly this commit with the button, at {Markdown.Link("its page", run.Page)}, or with the comment:\n\n{Markdown.Box($"/buildrunner approve {run.Commit}")}"
        : $"{Markdown.Link($"Run {run.Number}", run.Page)}: {Markdown.Inline(title)}";

    private static Uri? FirstFailure(RunView run, WorkflowState workflow)
    {
        var step = workflow.Steps.FirstOrDefault(step => step.Phase is StepPhase.Done { Conclusion: not (Outcome.Success or Outcome.Skipped) });
        if (step is null)
            return null;
        var line = run.Tails.TryGetValue((workflow.Name, step.Name), out var tail) ? tail.ErrorLine ?? tail.FirstLine : (int?)null;
        return run.StepPage(workflow.Name, step.Name, line);
    }

    private static string Title(string text) => Facts.FirstLine(text) is { Length: > 0 } line ? line : "BuildRunner";

    private static CheckVerdict Verdict(Outcome outcome) => outcome switch
    {
        Outcome.Success => CheckVerdict.Success,
        Outcome.Skipped => CheckVerdict.Skipped,
        Outcome.Cancelled => CheckVerdict.Cancelled,
        Outcome.TimedOut => CheckVerdict.TimedOut,
        _ => CheckVerdict.Failure,
    };
}
