using BuildRunner.Core.Planning;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Tests.Secrets;

public sealed class MissingSecretsTests
{
    private static readonly RunEvent Push = new() { Kind = "push", Branch = "main", Repository = "acme/shop" };

    [Fact]
    public void Each_step_that_would_not_start_is_named_with_every_secret_that_it_lacks()
    {
        var found = Of([Step("build"), Step("deploy", "token", "key")], TestPlans.Trusted, Secret("key"));
        var warning = Assert.Single(found);
        Assert.Equal(
            "step `deploy` will not start: there is no secret 'token' for this repository; make it with: buildrunner secret set token --repo acme/shop", warning.Message);
    }

    [Fact]
    public void The_cells_of_a_matrix_say_it_once() => Assert.Single(Of([Step("deploy", "token"), Step("deploy", "token")], TestPlans.Trusted));

    [Theory]
    [InlineData(1000, "950 more steps name secrets that they would not get")]
    [InlineData(51, "1 more step names a secret that it would not get")]
    public void A_thousand_steps_are_summed_up(int steps, string said)
    {
        var found = Of([.. Enumerable.Range(0, steps).Select(i => Step($"s{i}", "token"))], TestPlans.Trusted);
        Assert.Equal((51, said), (found.Count, found[^1].Message));
    }

    [Fact]
    public void A_stranger_learns_that_there_are_none_for_him_and_not_which_there_are()
    {
        var stranger = Trust.Decide(
            new PullRequestOrigin { Number = 7, BaseRepository = 1, HeadRepository = 2, HeadOwner = 3, Author = 3, AuthorAssociation = "NONE" },
            "refs/pull/7/head", "refs/heads/main", "refs/heads/main", TrustedFlags.None, ApprovalPolicy.Never, HeadVerdict.None);
        var told = new[] { Of([Step("deploy", "token")], stranger, Secret("token")), Of([Step("deploy", "token")], stranger) }.Select(found => Assert.Single(found).Message).ToList();
        Assert.Equal(told[0], told[1]);
        Assert.Contains("comes from a fork", told[0]);
    }

    [Fact]
    public void A_step_that_gets_no_secrets_by_its_own_wish_is_not_warned_of() =>
        Assert.Empty(Of([Step("deploy", "token") with { WithoutSecrets = true }], TestPlans.Trusted));

    private static IReadOnlyList<Core.Pipelines.Diagnostic> Of(StepPlan[] steps, TrustDecision trust, params StoredSecret[] candidates) => MissingSecrets.Of(steps, candidates, Push, trust);

    private static StepPlan Step(string name, params string[] secrets) =>
        TestPlans.Step(name) with { Environment = secrets.ToDictionary(s => s.ToUpperInvariant(), s => (PlanValue)new PlanValue.Secret(s)) };

    private static StoredSecret Secret(string name) => new(new SecretLevel.Repository(Guid.Empty), name, default, new SecretRules());
}
