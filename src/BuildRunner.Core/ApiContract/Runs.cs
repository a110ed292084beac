using System.Text.Json.Serialization;

namespace BuildRunner.Core.ApiContract;

/// <summary>A run to be started by hand or by a program.</summary>
public sealed record StartRun
{
    /// <summary>Branch; null together with <see cref="Tag"/>, <see cref="Commit"/> and <see cref="PullRequest"/>: the default branch.</summary>
    public string? Branch { get; init; }

    /// <summary>Tag, without <c>refs/tags/</c>.</summary>
    public string? Tag { get; init; }

    /// <summary>Commit, all 40 or 64 digits; with a branch it has to be on it.</summary>
    public string? Commit { get; init; }

    /// <summary>Number of a pull request.</summary>
    public int? PullRequest { get; init; }

    /// <summary>The event that <c>when</c> sees: <c>manual</c> (default), or <c>push</c>, <c>tag</c>, <c>deployment</c>, <c>cron</c> … for a program that stands for a forge; those need scope admin.</summary>
    public string? Event { get; init; }

    /// <summary>Values for <c>inputs</c>.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; set; } = new Dictionary<string, string>();

    /// <summary>Variables for every step, weaker than those of the file.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; set; } = new Dictionary<string, string>();

    /// <summary>One line for lists; the commit's if null.</summary>
    public string? Title { get; init; }
}

/// <summary>Wants a run to end.</summary>
/// <param name="Why">A clause for people; null: none given.</param>
public sealed record CancelRun(string? Why = null);

/// <summary>Wants what has ended to run again.</summary>
/// <param name="FailedOnly">Only workflows that did not end well, and those that depend on them.</param>
/// <param name="Workflow">Only this one, and those that depend on it; null: all.</param>
public sealed record RerunRun(bool FailedOnly = false, string? Workflow = null);

/// <summary>Answers for a run that waits for an approval.</summary>
/// <param name="Commit">Exactly the commit that was looked at.</param>
public sealed record DecideRun(string Commit);

/// <summary>The words in <c>state</c> of runs, workflows, steps and attempts. What has ended is named by its outcome.</summary>
public static class RunStates
{
    /// <summary>Of a run: somebody has to approve it.</summary>
    public const string Blocked = "blocked";

    /// <summary>For what it depends on.</summary>
    public const string Waiting = "waiting";

    /// <summary>Due, and not taken.</summary>
    public const string Queued = "queued";

    /// <summary>Of a step or workflow: image, network, workspace are being made.</summary>
    public const string Preparing = "preparing";

    /// <summary>It goes on.</summary>
    public const string Running = "running";

    /// <summary>The words of what has not ended.</summary>
    public static IReadOnlyList<string> Open { get; } = [Blocked, Waiting, Queued, Preparing, Running];

    /// <summary>The words of what has ended (<see cref="Runs.Outcome.Word"/>).</summary>
    public static IReadOnlyList<string> Ended { get; } = ["success", "failure", "timed_out", "cancelled", "skipped", "error", "lost", "invalid"];
}

/// <summary>A run, as lists show it.</summary>
public sealed record RunSummary
{
    /// <summary>32 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary><c>owner/name</c>.</summary>
    public required string Repo { get; init; }

    /// <summary>Counts per repository, from 1.</summary>
    public required int Number { get; init; }

    /// <summary>From 1; a rerun has the next.</summary>
    public required int Attempt { get; init; }

    /// <summary>A word of <see cref="RunStates"/>.</summary>
    public required string State { get; init; }

    /// <summary>Why it is in that state, as a clause; null if there is nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary><c>push</c>, <c>pull_request</c>, <c>manual</c> …</summary>
    public required string Event { get; init; }

    /// <summary>Branch; of a pull request the one it wants to change.</summary>
    public required string Branch { get; init; }

    /// <summary>The ref in full: <c>refs/heads/main</c>, <c>refs/tags/v1</c>, <c>refs/pull/7/head</c>. Null from servers that do not tell it yet.</summary>
    public string? Ref { get; init; }

    /// <summary>Where it is, as people say it: a branch, <c>tag v1</c>, <c>PR 7 (main)</c>.</summary>
    [JsonIgnore]
    public string Place => PlaceOf(Ref, Branch);

    /// <summary>The commit.</summary>
    public required string Commit { get; init; }

    /// <summary>One line.</summary>
    public required string Title { get; init; }

    /// <summary>Who or what caused it.</summary>
    public required string Author { get; init; }

    /// <summary>When it was accepted.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When its first workflow was taken; null if none was.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended; null while it goes on.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Its page.</summary>
    public required string Url { get; init; }

    /// <summary>What is to be said about its files and the secrets that they name; told to whoever starts it, null in lists.</summary>
    public IReadOnlyList<FileProblem>? Problems { get; init; }

    private static string PlaceOf(string? name, string branch) => name?.Split('/') switch
    {
        ["refs", "tags", .. var tag] => $"tag {string.Join('/', tag)}",
        ["refs", "pull", var number, ..] => $"PR {number} ({branch})",
        ["refs", "merge-requests", var number, ..] => $"MR {number} ({branch})",
        _ => branch,
    };
}

/// <summary>A part of the list of runs.</summary>
/// <param name="Items">Newest first.</param>
/// <param name="Next">What <c>before</c> has to be for the next part; null: there is none.</param>
public sealed record RunPage(IReadOnlyList<RunSummary> Items, string? Next);

/// <summary>A run, whole.</summary>
public sealed record RunDetails
{
    /// <summary>As in lists.</summary>
    public required RunSummary Run { get; init; }

    /// <summary>Rises with each change; for whoever follows.</summary>
    public required long Version { get; init; }

    /// <summary>Numbers of all its attempts.</summary>
    public required IReadOnlyList<int> Attempts { get; init; }

    /// <summary>Its workflows in the order of the plan; empty for a run whose files have errors.</summary>
    public required IReadOnlyList<WorkflowDetails> Workflows { get; init; }

    /// <summary>What is to be said about its files.</summary>
    public IReadOnlyList<FileProblem> Diagnostics { get; set; } = [];

    /// <summary>The approval it needed or needs; null: none.</summary>
    public ApprovalDetails? Approval { get; init; }

    /// <summary>Who cancelled it, as a sentence; null: nobody.</summary>
    public string? CancelledBecause { get; init; }
}

/// <summary>A workflow of a run.</summary>
public sealed record WorkflowDetails
{
    /// <summary>Its name in the plan, by which everything else names it; of a matrix cell with its number (<c>build/2</c>).</summary>
    public required string Name { get; init; }

    /// <summary>How people read it: of a matrix cell with its values (<c>build (go=1.22, os=linux)</c>), otherwise its name. Null from servers that do not tell it yet.</summary>
    public string? Label { get; init; }

    /// <summary>The values of the matrix cell; empty if it is none.</summary>
    public IReadOnlyDictionary<string, string> Matrix { get; set; } = new Dictionary<string, string>();

    /// <summary>The file's path.</summary>
    public required string File { get; init; }

    /// <summary>A word of <see cref="RunStates"/>.</summary>
    public required string State { get; init; }

    /// <summary>Why it is in that state: what it waits for (<c>no agent with label gpu</c>, <c>2 ahead</c>), why it was skipped, what went wrong. Null if there is nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary>The agent that has or had it; null: none yet.</summary>
    public string? Agent { get; init; }

    /// <summary>When it was taken.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>The workflows it waits for.</summary>
    public IReadOnlyList<string> DependsOn { get; set; } = [];

    /// <summary>Its steps in the order of the plan.</summary>
    public required IReadOnlyList<StepDetails> Steps { get; init; }

    /// <summary>Its services.</summary>
    public IReadOnlyList<StepDetails> Services { get; set; } = [];
}

/// <summary>A step or service of a workflow.</summary>
public sealed record StepDetails
{
    /// <summary>Its name in its workflow.</summary>
    public required string Name { get; init; }

    /// <summary><c>commands</c>, <c>plugin</c>, <c>clone</c>, <c>service</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>What was written after <c>image:</c>; with digest once it is known.</summary>
    public required string Image { get; init; }

    /// <summary>A word of <see cref="RunStates"/>; of one that has ended its outcome.</summary>
    public required string State { get; init; }

    /// <summary>What its workflow counts (<c>failure: ignore</c>); null while it goes on.</summary>
    public string? Conclusion { get; init; }

    /// <summary>Why it is in that state: what it waits for, exit reason in words, why it was skipped. Null if there is nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary>Something to know about a success; null: nothing.</summary>
    public string? Warning { get; init; }

    /// <summary>The steps it waits for.</summary>
    public IReadOnlyList<string> DependsOn { get; set; } = [];

    /// <summary>Its attempts, the last one may go on; empty if it was never due.</summary>
    public IReadOnlyList<AttemptDetails> Attempts { get; set; } = [];
}

/// <summary>One attempt of a step.</summary>
public sealed record AttemptDetails
{
    /// <summary>From 1.</summary>
    public required int Number { get; init; }

    /// <summary>A word of <see cref="RunStates"/>.</summary>
    public required string State { get; init; }

    /// <summary>Exit reason in words; null if there is nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary>Exit code, or 128 and the signal's number; null: it has none.</summary>
    public int? Exit { get; init; }

    /// <summary>The image with digest, once it is known.</summary>
    public string? Image { get; init; }

    /// <summary>When it became due.</summary>
    public DateTimeOffset? QueuedAt { get; init; }

    /// <summary>When it was started.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Where its time went; null while it goes on.</summary>
    public AttemptPhases? Phases { get; init; }
}

/// <summary>Where the time of an attempt went, in milliseconds.</summary>
/// <param name="Queue">From due to taken.</param>
/// <param name="Pull">Fetching the image.</param>
/// <param name="Create">Making the container.</param>
/// <param name="Run">From start to end.</param>
public sealed record AttemptPhases(long Queue, long Pull, long Create, long Run);

/// <summary>Something to say about a pipeline file.</summary>
/// <param name="Code"><c>BR1012</c>.</param>
/// <param name="Severity"><c>error</c> or <c>warning</c>.</param>
/// <param name="Message">One sentence.</param>
/// <param name="File">Relative path.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
/// <param name="Hint">What to do, or null.</param>
public sealed record FileProblem(string Code, string Severity, string Message, string File, int Line, int Column, string? Hint);

/// <summary>An approval that a run needs.</summary>
public sealed record ApprovalDetails
{
    /// <summary>Exactly this commit is approved.</summary>
    public required string Commit { get; init; }

    /// <summary>Why; a sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>True approved, false declined, null: nobody has answered.</summary>
    public bool? Approved { get; init; }

    /// <summary>Who answered.</summary>
    public string? DecidedBy { get; init; }

    /// <summary>When.</summary>
    public DateTimeOffset? DecidedAt { get; init; }
}

/// <summary>One line of a log.</summary>
public sealed record LogEntry
{
    /// <summary>From 1, counting both streams and what BuildRunner itself said.</summary>
    public required long N { get; init; }

    /// <summary>When its first byte was read.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary><c>out</c>, <c>err</c>, or <c>sys</c> for what BuildRunner itself says.</summary>
    public required string S { get; init; }

    /// <summary>The line without its end; null if it is not UTF-8.</summary>
    public string? Text { get; init; }

    /// <summary>The line's bytes where they are not UTF-8.</summary>
    public string? Base64 { get; init; }
}

/// <summary>The end of a log.</summary>
/// <param name="Missing">Why bytes are missing, as a sentence; null: none are.</param>
public sealed record LogEnd(string? Missing);
