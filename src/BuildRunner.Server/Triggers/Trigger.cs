using BuildRunner.Core.Runs;

namespace BuildRunner.Server.Triggers;

/// <summary>What an event at the forge asks for. A closed hierarchy. Everything in it is data that strangers may have written.</summary>
internal abstract record Trigger
{
    private Trigger()
    {
    }

    /// <summary>A run. Whether it may, and with what, is decided later (<see cref="Trust"/>).</summary>
    public sealed record StartRun(RunRequest Request) : Trigger;

    /// <summary>What ran is to run again.</summary>
    /// <param name="Repository">Where.</param>
    /// <param name="What">Which part.</param>
    /// <param name="Actor">Who wants it; the permission has to be asked for.</param>
    public sealed record Rerun(ForgeRepository Repository, RerunScope What, Person Actor) : Trigger;

    /// <summary>A run is to end.</summary>
    public sealed record Cancel(ForgeRepository Repository, CheckKey Check, Person Actor) : Trigger;

    /// <summary>Somebody answers for a commit. The permission has to be asked for.</summary>
    /// <param name="Repository">Where.</param>
    /// <param name="Commit">Exactly this one.</param>
    /// <param name="PullRequest">The pull request, if the event says which.</param>
    /// <param name="Approved">False: declined.</param>
    /// <param name="Actor">Who.</param>
    public sealed record Approve(ForgeRepository Repository, string Commit, int? PullRequest, bool Approved, Person Actor) : Trigger;

    /// <summary>What the app may see has changed; what is stored about it has to be asked for anew.</summary>
    /// <param name="Installation">Which.</param>
    /// <param name="Account">Whose.</param>
    /// <param name="Change">The forge's word: <c>created</c>, <c>deleted</c>, <c>suspend</c>, <c>added</c> …</param>
    /// <param name="Repositories">Those that the event names, by their numbers.</param>
    public sealed record InstallationChanged(long Installation, Person Account, string Change, IReadOnlyList<long> Repositories) : Trigger;

    /// <summary>A repository was renamed, transferred, deleted, archived or changed its visibility.</summary>
    public sealed record RepositoryChanged(ForgeRepository Repository, string Change) : Trigger;

    /// <summary>Nothing.</summary>
    /// <param name="Why">A sentence, for the list of deliveries.</param>
    public sealed record Nothing(string Why) : Trigger;
}

/// <summary>What is to run again. A closed hierarchy.</summary>
internal abstract record RerunScope
{
    private RerunScope()
    {
    }

    /// <summary>What one check stands for.</summary>
    public sealed record Check(CheckKey Key) : RerunScope;

    /// <summary>What failed in the run of a check.</summary>
    public sealed record FailedOf(CheckKey Key) : RerunScope;

    /// <summary>Everything for a commit.</summary>
    public sealed record Commit(string Sha) : RerunScope;
}

/// <summary>Who did something. The number identifies; the name is for people.</summary>
/// <param name="Id">The forge's number.</param>
/// <param name="Login">The name at that time.</param>
internal sealed record Person(long Id, string Login);

/// <summary>A repository as the forge describes it. The number identifies.</summary>
internal sealed record ForgeRepository
{
    /// <summary>The forge's number.</summary>
    public required long Id { get; init; }

    /// <summary><c>owner/name</c>.</summary>
    public required string FullName { get; init; }

    /// <summary>The owner's number.</summary>
    public required long Owner { get; init; }

    /// <summary>The default branch.</summary>
    public required string DefaultBranch { get; init; }

    /// <summary>Whether only some may see it.</summary>
    public required bool Private { get; init; }

    /// <summary>The installation of the app that the event came for; null: it came for none.</summary>
    public long? Installation { get; init; }
}

/// <summary>Names what a check at the forge stands for: the <c>external_id</c> of a check run.</summary>
/// <param name="Run">The run.</param>
/// <param name="Workflow">The workflow; empty: the whole run.</param>
internal sealed record CheckKey(RunId Run, string Workflow)
{
    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static CheckKey? Parse(string? text) =>
        text?.IndexOf('/', StringComparison.Ordinal) is int slash and > 0 && RunId.TryParse(text[..slash], out var run) ? new(run, text[(slash + 1)..]) : null;

    /// <summary>The run's id, a slash, the workflow's name.</summary>
    public override string ToString() => $"{Run}/{Workflow}";
}
