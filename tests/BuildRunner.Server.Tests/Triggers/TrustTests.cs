using BuildRunner.Server.Triggers;
using CsCheck;

namespace BuildRunner.Server.Tests.Triggers;

public sealed class TrustTests
{
    private const long Here = 1;
    private const long Author = 100;
    private const long Stranger = 200;
    private static readonly TrustedFlags All = new(true, true, true) { Devices = true };

    private static readonly PullRequestOrigin SameRepository = new()
    {
        Number = 7,
        BaseRepository = Here,
        HeadRepository = Here,
        HeadOwner = 50,
        Author = Author,
        AuthorAssociation = "COLLABORATOR",
        Pusher = Author,
    };

    private static readonly PullRequestOrigin Fork = SameRepository with { HeadRepository = 2, HeadOwner = Author, AuthorAssociation = "FIRST_TIME_CONTRIBUTOR" };

    [Theory]
    [InlineData(ApprovalPolicy.Never, false)]
    [InlineData(ApprovalPolicy.Forks, true)]
    [InlineData(ApprovalPolicy.OutsideContributors, true)]
    [InlineData(ApprovalPolicy.All, true)]
    public void A_strangers_fork_needs_approval_unless_the_policy_is_never(ApprovalPolicy policy, bool needed) => Assert.Equal(needed, Needed(Fork, policy));

    [Theory]
    [InlineData(ApprovalPolicy.Never, false)]
    [InlineData(ApprovalPolicy.Forks, false)]
    [InlineData(ApprovalPolicy.OutsideContributors, false)]
    [InlineData(ApprovalPolicy.All, true)]
    public void A_branch_of_the_repository_needs_approval_only_under_all(ApprovalPolicy policy, bool needed) => Assert.Equal(needed, Needed(SameRepository, policy));

    [Theory]
    [InlineData("OWNER", false)]
    [InlineData("MEMBER", false)]
    [InlineData("COLLABORATOR", false)]
    [InlineData("CONTRIBUTOR", true)]
    [InlineData("FIRST_TIME_CONTRIBUTOR", true)]
    [InlineData("FIRST_TIMER", true)]
    [InlineData("MANNEQUIN", true)]
    [InlineData("NONE", true)]
    [InlineData("", true)]
    [InlineData("owner", true)]
    public void An_outside_contributor_is_whoever_the_forge_does_not_name_as_one_of_its_own(string association, bool needed) =>
        Assert.Equal(needed, Needed(Fork with { AuthorAssociation = association }, ApprovalPolicy.OutsideContributors));

    [Fact]
    public void A_member_cannot_vouch_for_somebody_elses_fork() =>
        Assert.True(Needed(Fork with { AuthorAssociation = "MEMBER", HeadOwner = Stranger }, ApprovalPolicy.OutsideContributors));

    [Fact]
    public void A_strangers_push_to_a_members_fork_needs_approval() =>
        Assert.True(Needed(Fork with { AuthorAssociation = "MEMBER", Pusher = Stranger }, ApprovalPolicy.OutsideContributors));

    [Fact]
    public void A_commit_that_waits_for_approval_is_not_approved_by_a_later_event_of_a_member() =>
        Assert.True(Needed(Fork with { AuthorAssociation = "MEMBER", Pusher = null }, ApprovalPolicy.OutsideContributors, HeadVerdict.Pending));

    [Fact]
    public void An_approved_commit_runs() => Assert.False(Needed(Fork, ApprovalPolicy.Forks, HeadVerdict.Approved));

    [Fact]
    public void A_declined_commit_does_not() => Assert.True(Needed(Fork, ApprovalPolicy.Never, HeadVerdict.Declined));

    [Fact]
    public void A_deleted_fork_is_a_fork()
    {
        var deleted = SameRepository with { HeadRepository = null, HeadOwner = null };
        Assert.True(deleted.FromFork);
        Assert.True(Needed(deleted, ApprovalPolicy.OutsideContributors));
    }

    [Fact]
    public void A_fork_never_gets_secrets_or_flags_whatever_policy_author_and_approval() =>
        Gen.Select(Gen.Enum<ApprovalPolicy>(), Gen.Enum<HeadVerdict>(), Gen.OneOf(Gen.Const("OWNER"), Gen.Const("MEMBER"), Gen.Const("NONE")))
            .Sample((policy, head, association) =>
            {
                var decision = Decide(Fork with { AuthorAssociation = association }, policy, head);
                return decision is { Stranger: true, SecretsWithheld: not null } && decision.Flags == TrustedFlags.None && decision.Cache.Write == "refs/pull/7/head";
            });

    [Fact]
    public void The_repository_itself_has_what_an_administrator_gave_it()
    {
        var decision = Decide(SameRepository, ApprovalPolicy.Forks, HeadVerdict.None);
        Assert.Equal(All, decision.Flags);
        Assert.Null(decision.SecretsWithheld);
        Assert.False(decision.Stranger);
    }

    [Fact]
    public void What_is_no_pull_request_needs_no_approval()
    {
        var decision = Trust.Decide(null, "refs/heads/topic", null, "refs/heads/main", All, ApprovalPolicy.All, HeadVerdict.None);
        Assert.Null(decision.NeedsApproval);
        Assert.Equal(new("refs/heads/topic", decision.Cache.Read), decision.Cache);
        Assert.Equal(["refs/heads/topic", "refs/heads/main"], decision.Cache.Read);
    }

    [Fact]
    public void Caches_are_read_from_the_own_scope_then_the_base_then_the_default_branch_and_written_to_the_own_only()
    {
        var cache = Trust.Decide(Fork, "refs/pull/7/head", "refs/heads/next", "refs/heads/main", All, ApprovalPolicy.Forks, HeadVerdict.Approved).Cache;
        Assert.Equal(["refs/pull/7/head", "refs/heads/next", "refs/heads/main"], cache.Read);
        Assert.Equal("refs/pull/7/head", cache.Write);
    }

    [Theory]
    [InlineData("admin", true)]
    [InlineData("maintain", true)]
    [InlineData("write", true)]
    [InlineData("triage", false)]
    [InlineData("read", false)]
    [InlineData("none", false)]
    [InlineData("", false)]
    public void Whoever_may_write_may_approve(string permission, bool may) => Assert.Equal(may, Trust.MayApprove(permission));

    private static bool Needed(PullRequestOrigin origin, ApprovalPolicy policy, HeadVerdict head = HeadVerdict.None) => Decide(origin, policy, head).NeedsApproval is not null;

    private static TrustDecision Decide(PullRequestOrigin origin, ApprovalPolicy policy, HeadVerdict head) =>
        Trust.Decide(origin, "refs/heads/evil", "refs/heads/main", "refs/heads/main", All, policy, head);
}
