namespace BuildRunner.Server.Access;

/// <summary>What a token may do. Whoever may do nothing of it gets nothing: there is no default.</summary>
public static class Scopes
{
    /// <summary>See repositories, runs, logs, agents and the queue.</summary>
    public const string Read = "read";

    /// <summary>Start, cancel and repeat runs.</summary>
    public const string Run = "run";

    /// <summary>Answer for runs that wait for an approval.</summary>
    public const string Approve = "approve";

    /// <summary>Everything.</summary>
    public const string Admin = "admin";

    /// <summary>No scope, but the name of a rule: any of them will do.</summary>
    internal const string Any = "any";

    /// <summary>Every scope.</summary>
    public static IReadOnlyList<string> All { get; } = [Read, Run, Approve, Admin];
}
