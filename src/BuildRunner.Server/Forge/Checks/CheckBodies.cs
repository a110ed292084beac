using Octokit;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>The bodies of requests about checks, in GitHub's terms.</summary>
internal static class CheckBodies
{
    private const int MaxTitle = 255;
    private const int MaxMessage = 64 * 1024 - 1;

    /// <summary>Of a check that is made.</summary>
    public static NewCheckRun Create(DesiredCheck desired, CheckRequest.Create create)
    {
        var body = new NewCheckRun(desired.Name, desired.Commit)
        {
            DetailsUrl = desired.Details.AbsoluteUri,
            ExternalId = desired.Key.ToString(),
            Status = Status(desired.Stage),
            StartedAt = desired.StartedAt,
            Output = Output(desired, create.Detail, create.Annotations),
            Actions = Actions(desired),
        };
        if (desired.Stage is CheckStage.Completed completed)
            (body.Conclusion, body.CompletedAt) = (Conclusion(completed.Verdict), completed.At);
        return body;
    }

    /// <summary>Of a check that is changed.</summary>
    public static CheckRunUpdate Update(DesiredCheck desired, CheckRequest.Update update)
    {
        var body = new CheckRunUpdate
        {
            Name = desired.Name,
            DetailsUrl = desired.Details.AbsoluteUri,
            ExternalId = desired.Key.ToString(),
            Status = Status(desired.Stage),
            StartedAt = desired.StartedAt,
            Output = Output(desired, update.Detail, update.Annotations),
            Actions = Actions(desired),
        };
        if (desired.Stage is CheckStage.Completed completed)
            (body.Conclusion, body.CompletedAt) = (Conclusion(completed.Verdict), completed.At);
        return body;
    }

    /// <summary>Of a commit status.</summary>
    public static NewCommitStatus Status(DesiredCheck desired) => new()
    {
        State = desired.Stage switch
        {
            CheckStage.Completed { Verdict: CheckVerdict.Success or CheckVerdict.Skipped } => CommitState.Success,
            CheckStage.Completed { Verdict: CheckVerdict.Failure or CheckVerdict.TimedOut } => CommitState.Failure,
            CheckStage.Completed => CommitState.Error,
            _ => CommitState.Pending,
        },
        Context = desired.Name,
        Description = desired.Title.Length <= CheckLimits.StatusDescription ? desired.Title : Markdown.Cut(desired.Title, CheckLimits.StatusDescription),
        TargetUrl = desired.Details.AbsoluteUri,
    };

    private static CheckStatus Status(CheckStage stage) => stage switch
    {
        CheckStage.Queued => CheckStatus.Queued,
        CheckStage.InProgress => CheckStatus.InProgress,
        _ => CheckStatus.Completed,
    };

    private static CheckConclusion Conclusion(CheckVerdict verdict) => verdict switch
    {
        CheckVerdict.Success => CheckConclusion.Success,
        CheckVerdict.Skipped => CheckConclusion.Skipped,
        CheckVerdict.Cancelled => CheckConclusion.Cancelled,
        CheckVerdict.TimedOut => CheckConclusion.TimedOut,
        CheckVerdict.ActionRequired => CheckConclusion.ActionRequired,
        _ => CheckConclusion.Failure,
    };

    private static NewCheckRunOutput Output(DesiredCheck desired, ReportDetail detail, IReadOnlyList<CheckAnnotation> annotations)
    {
        var summary = detail == ReportDetail.VerdictOnly ? Markdown.Inline(desired.Title) : Markdown.Cut(desired.Summary, CheckLimits.Text);
        var output = new NewCheckRunOutput(Markdown.Cut(desired.Title, MaxTitle), summary);
        if (annotations.Count > 0)
            output.Annotations = [.. annotations.Select(Annotation)];
        return output;
    }

    private static NewCheckRunAnnotation Annotation(CheckAnnotation annotation) =>
        new(annotation.Path, annotation.Line, annotation.EndLine, Level(annotation.Level), Markdown.Cut(annotation.Message, MaxMessage))
        {
            Title = annotation.Title is { } title ? Markdown.Cut(title, MaxTitle) : null,
        };

    private static CheckAnnotationLevel Level(AnnotationLevel level) => level switch
    {
        AnnotationLevel.Notice => CheckAnnotationLevel.Notice,
        AnnotationLevel.Warning => CheckAnnotationLevel.Warning,
        _ => CheckAnnotationLevel.Failure,
    };

    private static List<NewCheckRunAction>? Actions(DesiredCheck desired) =>
        desired.Buttons.Count == 0 ? null : [.. desired.Buttons.Take(3).Select(button => new NewCheckRunAction(button.Label, button.Description, button.Id))];
}
