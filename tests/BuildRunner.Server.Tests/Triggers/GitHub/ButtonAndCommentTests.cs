using System.Text.Json.Nodes;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Tests.Triggers.GitHub;

public sealed class ButtonAndCommentTests
{
    private const string Commit = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";
    private static readonly CheckKey Key = new(RunId.Create(TimeProvider.System), "build/2");

    [Fact]
    public void A_check_that_is_asked_for_again_is_found_by_its_external_id()
    {
        var rerun = Assert.IsType<Trigger.Rerun>(Check("rerequested").Trigger);
        Assert.Equal(new RerunScope.Check(Key), rerun.What);
        Assert.Equal(526, rerun.Repository.Id);
        Assert.Equal(new Person(5346, "octocat"), rerun.Actor);
    }

    [Fact]
    public void Buttons_rerun_what_failed_cancel_and_approve_the_checks_commit()
    {
        Assert.Equal(new RerunScope.FailedOf(Key), Assert.IsType<Trigger.Rerun>(Check("requested_action", "rerun_failed").Trigger).What);
        Assert.Equal(Key, Assert.IsType<Trigger.Cancel>(Check("requested_action", "cancel").Trigger).Check);
        var approve = Assert.IsType<Trigger.Approve>(Check("requested_action", "approve").Trigger);
        Assert.Equal((Commit, true), (approve.Commit, approve.Approved));
        Assert.IsType<Trigger.Nothing>(Check("requested_action", "something_else").Trigger);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("nonsense/build")]
    public void A_check_of_somebody_else_is_left_alone(string externalId)
    {
        var payload = Samples.First("check_run", "rerequested");
        payload["check_run"]!["external_id"] = externalId;
        Assert.IsType<Trigger.Nothing>(Samples.Read("check_run", payload).Trigger);
    }

    [Fact]
    public void A_check_key_survives_its_text()
    {
        Assert.Equal(Key, CheckKey.Parse(Key.ToString()));
        Assert.Equal(Key with { Workflow = "" }, CheckKey.Parse((Key with { Workflow = "" }).ToString()));
        Assert.Null(CheckKey.Parse(null));
    }

    [Theory]
    [InlineData($"/buildrunner approve {Commit}", true)]
    [InlineData($"  /buildrunner  approve  {Commit}  \r\nLooks fine.", true)]
    [InlineData($"/buildrunner decline {Commit}", false)]
    public void A_comment_that_quotes_the_whole_commit_approves_or_declines_it(string body, bool approved)
    {
        var approve = Assert.IsType<Trigger.Approve>(Comment(body).Trigger);
        Assert.Equal((Commit, 1, approved, 21031067L), (approve.Commit, approve.PullRequest, approve.Approved, approve.Actor.Id));
    }

    [Theory]
    [InlineData("/buildrunner approve")]
    [InlineData("/buildrunner approve ec26c3e")]
    [InlineData($"/buildrunner approve {Commit} now")]
    [InlineData($"please /buildrunner approve {Commit}")]
    [InlineData($"> /buildrunner approve {Commit}")]
    [InlineData($"fine\n/buildrunner approve {Commit}")]
    [InlineData("")]
    public void Any_other_comment_does_nothing(string body) => Assert.IsType<Trigger.Nothing>(Comment(body).Trigger);

    [Fact]
    public void A_comment_on_an_issue_or_in_anothers_name_does_nothing()
    {
        var issue = CommentPayload($"/buildrunner approve {Commit}");
        issue["issue"]!.AsObject().Remove("pull_request");
        Assert.IsType<Trigger.Nothing>(Samples.Read("issue_comment", issue).Trigger);
        var other = CommentPayload($"/buildrunner approve {Commit}");
        other["comment"]!["user"]!["id"] = 7;
        Assert.IsType<Trigger.Nothing>(Samples.Read("issue_comment", other).Trigger);
    }

    private static Server.Triggers.GitHub.GitHubEvent Check(string action, string? button = null)
    {
        var payload = Samples.First("check_run", "rerequested");
        payload["action"] = action;
        payload["check_run"]!["external_id"] = Key.ToString();
        payload["check_run"]!["head_sha"] = Commit;
        if (button is not null)
            payload["requested_action"] = new JsonObject { ["identifier"] = button };
        return Samples.Read("check_run", payload);
    }

    private static Server.Triggers.GitHub.GitHubEvent Comment(string body) => Samples.Read("issue_comment", CommentPayload(body));

    private static JsonObject CommentPayload(string body)
    {
        var payload = Samples.First("issue_comment", "created");
        payload["comment"]!["body"] = body;
        payload["issue"]!["pull_request"] = new JsonObject { ["url"] = "x" };
        return payload;
    }
}
