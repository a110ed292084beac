using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Server.Orchestration;

/// <summary>Why something ended as it did, as a clause for people.</summary>
internal static class OutcomeWords
{
    /// <summary>Of an outcome; null if its word says all.</summary>
    public static string? Why(Outcome outcome) => outcome switch
    {
        Outcome.Failure { Reason: FailureReason.Signal killed } => $"killed by {killed}",
        Outcome.Failure { Reason: FailureReason.OomKilled killed } => $"killed: {killed}",
        Outcome.Failure { Reason: { } reason } => reason.ToString(),
        Outcome.TimedOut(var limit) => $"took longer than {Durations.Text(limit)}",
        Outcome.Cancelled(var why) => why,
        Outcome.Skipped(var why) => why,
        Outcome.Error(_, var message) => message,
        Outcome.Lost(var why) => why,
        Outcome.Invalid => "its files have errors",
        _ => null,
    };

    /// <summary>Of a run, for lists: the first step that made it end so. Null while it goes on, and for a success.</summary>
    /// <param name="plan">Its plan, by which cells of a matrix are called by their values.</param>
    /// <param name="state">Its state.</param>
    public static string? WhyEnded(RunPlan plan, RunState state)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(state);
        if (state.Result is not { } result || result.Outcome is Outcome.Success)
        {
            return null;
        }

        var word = result.Outcome.Word;
        var culprit = (
            from workflow in state.Workflows
            from step in workflow.Steps
            let done = step.Phase as StepPhase.Done
            where done is not null && done.Conclusion.Word == word
            orderby done.At
            select (Workflow: workflow.Name, Step: step.Name, done.Outcome)).FirstOrDefault();
        if (state.Cancel is { } cancel && result.Outcome is Outcome.Cancelled)
        {
            return cancel.Why;
        }

        return culprit.Step is null
            ? state.Workflows.Select(w => w.Halt ?? (w.Phase as WorkflowPhase.Done)?.Outcome).Where(o => o?.Word == word).Select(o => Why(o!)).FirstOrDefault(w => w is not null)
            : $"{(state.Workflows.Length > 1 ? LabelOf(plan, culprit.Workflow) + "/" : "")}{culprit.Step}{(Why(culprit.Outcome) is { } why ? ": " + why : "")}";
    }

    private static string LabelOf(RunPlan plan, string workflow) => plan.Workflows.FirstOrDefault(w => w.Name == workflow)?.Label ?? workflow;
}
