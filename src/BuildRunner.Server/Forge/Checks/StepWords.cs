using BuildRunner.Core.Runs;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>Where a step or a workflow is, in words.</summary>
internal static class StepWords
{
    /// <summary>Of a step.</summary>
    public static string Of(StepPhase phase) => phase switch
    {
        StepPhase.Waiting => "waits for other steps",
        StepPhase.Queued => "queued",
        StepPhase.Preparing => "being prepared",
        StepPhase.Running => "running",
        StepPhase.Done { Outcome: Outcome.Failure or Outcome.TimedOut or Outcome.Error, Conclusion: Outcome.Success } done => $"{Of(done.Outcome)}, which is ignored",
        StepPhase.Done { Warning: { } warning } done => $"{Of(done.Outcome)}, {warning}",
        StepPhase.Done done => Of(done.Outcome),
        _ => "",
    };

    /// <summary>Of a workflow.</summary>
    public static string Of(WorkflowPhase phase) => phase switch
    {
        WorkflowPhase.Waiting => "waiting",
        WorkflowPhase.Starting => "starting",
        WorkflowPhase.Done done => Of(done.Outcome),
        _ => "running",
    };

    /// <summary>Of an outcome.</summary>
    public static string Of(Outcome outcome) => outcome switch
    {
        Outcome.Failure { Reason: { } reason } => $"failure: {reason}",
        Outcome.TimedOut timedOut => $"timed out after {Durations.Text(timedOut.Limit)}",
        Outcome.Cancelled cancelled => $"cancelled: {cancelled.Why}",
        Outcome.Skipped skipped => $"skipped: {skipped.Why}",
        Outcome.Error error => $"error: {error.Message}",
        Outcome.Lost lost => $"lost: {lost.Why}",
        Outcome.Invalid => "the pipeline files have errors",
        _ => outcome.Word,
    };
}
