using System.Globalization;

namespace BuildRunner.Server.Triggers;

/// <summary>Whose pull requests need an approval before they run. Set per repository by an administrator.</summary>
public enum ApprovalPolicy
{
    /// <summary>Of those who may not write and are not of the organisation.</summary>
    OutsideContributors,

    /// <summary>All that come from a fork.</summary>
    Forks,

    /// <summary>All.</summary>
    All,

    /// <summary>None. Forks still get no secrets and no trusted flags.</summary>
    Never,
}

/// <summary>What is known of a pull request from a signed payload or the forge's answer, as far as trust goes by it. Numbers identify; names do not.</summary>
public sealed record PullRequestOrigin
{
    /// <summary>Its number.</summary>
    public required int Number { get; init; }

    /// <summary>The repository it wants to change.</summary>
    public required long BaseRepository { get; init; }

    /// <summary>The repository its commits are in; null: that was deleted.</summary>
    public required long? HeadRepository { get; init; }

    /// <summary>Who owns that; null: it was deleted.</summary>
    public required long? HeadOwner { get; init; }

    /// <summary>Who opened it.</summary>
    public required long Author { get; init; }

    /// <summary>What the author is to the repository, in the forge's words: <c>OWNER</c>, <c>MEMBER</c>, <c>COLLABORATOR</c>, <c>CONTRIBUTOR</c> …</summary>
    public required string AuthorAssociation { get; init; }

    /// <summary>Who pushed its head, if this event says so; null: not known from this event.</summary>
    public long? Pusher { get; init; }

    /// <summary>True unless its commits provably are in the repository itself.</summary>
    public bool FromFork => HeadRepository is not { } head || head != BaseRepository;
}

/// <summary>What the store knows of a head commit of a pull request.</summary>
public enum HeadVerdict
{
    /// <summary>Nobody was asked.</summary>
    None,

    /// <summary>It waits for an approval.</summary>
    Pending,

    /// <summary>Somebody with write access approved exactly this commit.</summary>
    Approved,

    /// <summary>Somebody declined it.</summary>
    Declined,
}

/// <summary>What an administrator trusts a repository's steps with.</summary>
/// <param name="Privileged">They may be privileged.</param>
/// <param name="Volumes">They may mount folders of the host.</param>
/// <param name="Network">They may change their network.</param>
public sealed record TrustedFlags(bool Privileged, bool Volumes, bool Network)
{
    /// <summary>They may have devices of the host.</summary>
    public bool Devices { get; init; }

    /// <summary>Nothing.</summary>
    public static TrustedFlags None { get; } = new(false, false, false);
}

/// <summary>Where a run's caches come from and go to.</summary>
/// <param name="Write">The only scope it writes.</param>
/// <param name="Read">The scopes it reads, the first that has an entry counts.</param>
public sealed record CacheScope(string Write, IReadOnlyList<string> Read);

/// <summary>What a run may do.</summary>
public sealed record TrustDecision
{
    /// <summary>Why somebody has to approve it first, as a sentence; null: nobody has to.</summary>
    public required string? NeedsApproval { get; init; }

    /// <summary>Why it gets no secret, as a sentence; null: its steps get those that their rules allow.</summary>
    public required string? SecretsWithheld { get; init; }

    /// <summary>What its steps may ask for.</summary>
    public required TrustedFlags Flags { get; init; }

    /// <summary>True: a stranger wrote it. It gets a read-only clone token, and no agent that shares a process with the server.</summary>
    public required bool Stranger { get; init; }

    /// <summary>Its caches.</summary>
    public required CacheScope Cache { get; init; }

    /// <summary>True: that its commit is on the branch which its event names, nobody has seen. Secrets for certain branches are not for it.</summary>
    public bool BranchUnproven { get; init; }
}

/// <summary>Decides what a run may do. Pure, from authenticated facts and an administrator's settings; nothing in the repository has a say.</summary>
public static class Trust
{
    private const string ForkReason = "this pull request comes from a fork, and strangers' code gets no secrets whatever the settings";

    /// <summary>Decides.</summary>
    /// <param name="origin">The pull request; null: the run is for something that only people with write access can cause.</param>
    /// <param name="refName">The run's own ref.</param>
    /// <param name="baseRef">The ref that a pull request wants to change; null: none.</param>
    /// <param name="defaultRef">The ref of the default branch.</param>
    /// <param name="settings">What an administrator trusts the repository with.</param>
    /// <param name="policy">Whose pull requests need an approval.</param>
    /// <param name="head">What is known of the head commit.</param>
    public static TrustDecision Decide(
        PullRequestOrigin? origin, string refName, string? baseRef, string defaultRef, TrustedFlags settings, ApprovalPolicy policy, HeadVerdict head)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var fork = origin is { FromFork: true };
        return new()
        {
            NeedsApproval = origin is null ? null : WhyApproval(origin, policy, head),
            SecretsWithheld = fork ? ForkReason : null,
            Flags = fork ? TrustedFlags.None : settings,
            Stranger = fork,
            Cache = Scope(origin, refName, baseRef, defaultRef),
        };
    }

    /// <summary>Whether a person may approve, from what the forge says of the permission that person has now: <c>admin</c>, <c>maintain</c>, <c>write</c> may.</summary>
    public static bool MayApprove(string permission) => permission is "admin" or "maintain" or "write";

    private static string? WhyApproval(PullRequestOrigin origin, ApprovalPolicy policy, HeadVerdict head) => (head, policy) switch
    {
        (HeadVerdict.Approved, _) => null,
        // Once in question, a commit stays so: a label that a maintainer adds later is no approval of what a stranger pushed.
        (HeadVerdict.Pending or HeadVerdict.Declined, _) when origin.FromFork || policy == ApprovalPolicy.All => "this commit has not been approved",
        (_, ApprovalPolicy.All) => "every pull request of this repository needs an approval (setting 'approve: all')",
        (_, _) when !origin.FromFork => null,
        (_, ApprovalPolicy.Forks) => "pull requests from forks need an approval (setting 'approve: forks')",
        (_, ApprovalPolicy.OutsideContributors) => WhyOutside(origin),
        _ => null,
    };

    private static string? WhyOutside(PullRequestOrigin origin)
    {
        const string setting = "(setting 'approve: outside_contributors')";
        if (origin.AuthorAssociation is not ("OWNER" or "MEMBER" or "COLLABORATOR"))
            return $"its author is not a collaborator of this repository {setting}";
        // A member can open a pull request from somebody else's fork, and let others push to his own.
        if (origin.HeadOwner != origin.Author)
            return $"its commits come from a fork that is not its author's {setting}";
        return origin.Pusher is { } pusher && pusher != origin.Author ? $"its head was pushed by somebody else than its author {setting}" : null;
    }

    private static CacheScope Scope(PullRequestOrigin? origin, string refName, string? baseRef, string defaultRef)
    {
        // The number is the forge's: no branch that a stranger names can lead into another's scope.
        var own = origin is null ? refName : string.Create(CultureInfo.InvariantCulture, $"refs/pull/{origin.Number}/head");
        return new(own, [.. new[] { own, baseRef, defaultRef }.OfType<string>().Distinct(StringComparer.Ordinal)]);
    }
}
