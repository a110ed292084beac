using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Tests.Client;

/// <summary>A run as a server tells it: clone, then build beside test.</summary>
internal static class Sample
{
    public const string RunPath = "/api/v1/repos/acme/shop/runs/12";
    public const string Commit = "3f9c2e1000000000000000000000000000000000";

    public static readonly DateTimeOffset At = new(2027, 3, 1, 9, 58, 0, TimeSpan.Zero);

    public static RunDetails Run(string state, params StepDetails[] steps) => new()
    {
        Run = Summary(state),
        Version = 1,
        Attempts = [1],
        Workflows = [new WorkflowDetails { Name = "ci", File = "ci.yml", State = state, StartedAt = At, EndedAt = Ended(state), Agent = "a", Steps = steps }],
    };

    public static RunSummary Summary(string state) => new()
    {
        Id = "01a20b6c8ca3739fb6367d5eb9a2f396",
        Repo = "acme/shop",
        Number = 12,
        Attempt = 1,
        State = state,
        Event = "push",
        Branch = "main",
        Commit = Commit,
        Title = "Add tax",
        Author = "kim",
        CreatedAt = At,
        StartedAt = At,
        EndedAt = Ended(state),
        Url = "https://ci.example/acme/shop/runs/12",
    };

    public static StepDetails Step(string name, string state, int? exit = null, string? reason = null, params string[] after) => new()
    {
        Name = name,
        Kind = "commands",
        Image = "alpine",
        State = state,
        Conclusion = RunStates.Ended.Contains(state) ? state : null,
        Reason = reason,
        DependsOn = after,
        Attempts = state is "waiting" or "skipped" ? [] : [new AttemptDetails
        {
            Number = 1, State = state, Exit = exit, Reason = reason, QueuedAt = At, StartedAt = At, EndedAt = Ended(state), Image = "alpine@sha256:" + new string('a', 64),
            Phases = Ended(state) is null ? null : new AttemptPhases(5, 0, 20, 2000),
        }],
    };

    private static DateTimeOffset? Ended(string state) => RunStates.Ended.Contains(state) ? At.AddSeconds(83) : null;
}
