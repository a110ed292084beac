using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Server.Pages;

/// <summary>States, times and commits in words.</summary>
public static class StateWords
{
    /// <summary>The word that people read for a state.</summary>
    public static string Of(string state) => state.Replace('_', ' ');

    /// <summary>What is done and what it says of the run; the reason in words.</summary>
    public static string Sentence(RunDetails details)
    {
        ArgumentNullException.ThrowIfNull(details);
        var run = details.Run;
        return run.State switch
        {
            RunStates.Blocked when details.Approval is { } approval => $"waits for an approval: {approval.Reason}",
            RunStates.Queued => $"waits{Because(details.Workflows.Select(w => w.Reason).FirstOrDefault(r => r is not null))}",
            RunStates.Running => $"{Count(details, RunStates.Running)} running, {Count(details, RunStates.Queued) + Count(details, RunStates.Waiting)} waiting",
            "cancelled" => details.CancelledBecause ?? run.Reason ?? "cancelled",
            "success" => "every step that counts succeeded",
            "skipped" => run.Reason ?? "nothing was to be done for this event",
            "invalid" => "its files have errors",
            "error" => $"BuildRunner could not run it{Because(run.Reason)}",
            "lost" => $"nobody can tell how it ended{Because(run.Reason)}",
            _ => run.Reason ?? Of(run.State),
        };
    }

    /// <summary>A time that passed, as <c>1m 26s</c>; empty: it has not begun.</summary>
    public static string Took(DateTimeOffset? from, DateTimeOffset? to, DateTimeOffset now) => from is { } begin ? Durations.Text((to ?? now) - begin) : "";

    /// <summary>How long ago, roughly.</summary>
    public static string Ago(DateTimeOffset at, DateTimeOffset now) => (now - at) switch
    {
        { TotalSeconds: < 60 } => "just now",
        { TotalMinutes: < 60 } age => $"{(int)age.TotalMinutes} min ago",
        { TotalHours: < 48 } age => $"{(int)age.TotalHours} h ago",
        var age => $"{(int)age.TotalDays} days ago",
    };

    /// <summary>A commit as people read it.</summary>
    public static string Short(string commit)
    {
        ArgumentNullException.ThrowIfNull(commit);
        return commit.Length > 7 ? commit[..7] : commit;
    }

    /// <summary>Whether a step ended in a way that counts against its run.</summary>
    public static bool IsBroken(StepDetails step)
    {
        ArgumentNullException.ThrowIfNull(step);
        return step.Conclusion is "failure" or "timed_out" or "error" or "lost";
    }

    private static string Because(string? reason) => reason is null ? "" : $": {reason}";

    private static int Count(RunDetails details, string state) => details.Workflows.Sum(w => w.Steps.Count(s => s.State == state));
}
