namespace BuildRunner.Core.Planning;

/// <summary>What a run is for: facts about the event, as data. They reach steps as <c>CI_*</c> variables and decide <c>when</c>.</summary>
public sealed record RunEvent
{
    /// <summary><c>push</c>, <c>pull_request</c>, <c>pull_request_closed</c>, <c>tag</c>, <c>release</c>, <c>deployment</c>, <c>cron</c>, <c>manual</c>, <c>webhook</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>Branch; for a pull request the target branch.</summary>
    public string Branch { get; init; } = "";

    /// <summary>Full ref: <c>refs/heads/main</c>.</summary>
    public string Ref { get; init; } = "";

    /// <summary>Commit.</summary>
    public string Commit { get; init; } = "";

    /// <summary><c>owner/name</c>.</summary>
    public string Repository { get; init; } = "";

    /// <summary>The repository's default branch.</summary>
    public string DefaultBranch { get; init; } = "main";

    /// <summary>Files changed, relative paths; null if that is not known, in which case path conditions hold.</summary>
    public IReadOnlyList<string>? ChangedFiles { get; init; }

    /// <summary>Name of the schedule for <c>cron</c>; null otherwise.</summary>
    public string? Cron { get; init; }

    /// <summary>Variables for the steps and for substitution: the <c>CI_*</c> set.</summary>
    public IReadOnlyDictionary<string, string> Variables { get; init; } = new Dictionary<string, string>();

    /// <summary>Values of <c>inputs</c> that were given.</summary>
    public IReadOnlyDictionary<string, string> Inputs { get; init; } = new Dictionary<string, string>();
}
