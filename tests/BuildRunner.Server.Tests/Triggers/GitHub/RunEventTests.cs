using System.Text.Json.Nodes;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Tests.Triggers.GitHub;

public sealed class RunEventTests
{
    private const string Commit = "1111111111111111111111111111111111111111";
    private const string Before = "2222222222222222222222222222222222222222";

    [Fact]
    public void A_push_tells_branch_commit_author_and_changed_files()
    {
        var request = Samples.Run("push", Push());
        Assert.Equal(("push", "topic/x", "refs/heads/topic/x", Commit), (request.Event.Kind, request.Event.Branch, request.Event.Ref, request.Event.Commit));
        Assert.Equal(["a.txt", "b.txt", "c.txt"], request.Event.ChangedFiles);
        Assert.Equal(Before, request.ChangesSince);
        Assert.Equal("Add a thing", request.Title);
        Assert.Equal(new Person(21031067, "Codertocat"), request.Actor);
        Assert.Null(request.PullRequest);
        var variables = CiVariables.ForRun(request.Event, request.Facts);
        Assert.Equal("Add a thing\n\nBecause.", variables["CI_COMMIT_MESSAGE"]);
        Assert.Equal("186853002", variables["CI_REPO_REMOTE_ID"]);
        Assert.Equal("github", variables["CI_FORGE_TYPE"]);
    }

    [Theory]
    [InlineData("created")]
    [InlineData("forced")]
    public void After_a_push_whose_commits_do_not_tell_the_difference_the_files_are_not_known(string flag)
    {
        var push = Push();
        push[flag] = true;
        Assert.Null(Samples.Run("push", push).Event.ChangedFiles);
    }

    [Fact]
    public void A_tag_is_a_tag_and_its_commit_is_what_was_tagged()
    {
        var request = Samples.Run("push", Samples.First("push", where: push => (string?)push["ref"] == "refs/tags/simple-tag" && push["head_commit"] is not null));
        Assert.Equal(("tag", "refs/tags/simple-tag", "6113728f27ae82c7b1a177c8d03f9e96e0adf246"), (request.Event.Kind, request.Event.Ref, request.Event.Commit));
        Assert.Equal("simple-tag", CiVariables.ForRun(request.Event, request.Facts)["CI_COMMIT_TAG"]);
    }

    [Theory]
    [InlineData("Fix [skip ci]", true)]
    [InlineData("Fix\n\n[CI SKIP]", true)]
    [InlineData("Fix [skip  ci]", true)]
    [InlineData("Fix skip ci", false)]
    public void A_message_can_ask_for_no_run(string message, bool skipped)
    {
        var push = Push();
        push["head_commit"]!["message"] = message;
        Assert.Equal(skipped, Samples.Run("push", push).Skip is not null);
    }

    [Fact]
    public void A_merge_queues_branch_starts_nothing_by_its_push()
    {
        var push = Push();
        push["ref"] = "refs/heads/gh-readonly-queue/main/pr-1-" + Commit;
        Assert.IsType<Trigger.Nothing>(Samples.Read("push", push).Trigger);
    }

    [Fact]
    public void A_pull_request_tells_its_branches_labels_and_origin()
    {
        var request = Samples.Run("pull_request", Samples.First("pull_request", "synchronize"));
        Assert.Equal(("pull_request", "master", "refs/pull/2/head", "ec26c3e57ca3a959ca5aad62de7213c562f8c821"), (request.Event.Kind, request.Event.Branch, request.Event.Ref, request.Event.Commit));
        Assert.Null(request.Event.ChangedFiles);
        Assert.Equal("f95f852bd8fca8fcc58a9a2d6c842781e32a215e", request.ChangesSince);
        Assert.Equal(
            new PullRequestOrigin
            {
                Number = 2,
                BaseRepository = 186853002,
                HeadRepository = 186853002,
                HeadOwner = 21031067,
                Author = 21031067,
                AuthorAssociation = "OWNER",
                Pusher = 21031067,
            },
            request.PullRequest);
        var variables = CiVariables.ForRun(request.Event, request.Facts);
        Assert.Equal("changes", variables["CI_COMMIT_SOURCE_BRANCH"]);
        Assert.Equal("master", variables["CI_COMMIT_TARGET_BRANCH"]);
        Assert.Equal("bug", variables["CI_COMMIT_PULL_REQUEST_LABELS"]);
        Assert.Equal("2", variables["CI_COMMIT_PULL_REQUEST"]);
    }

    [Fact]
    public void A_pull_request_whose_fork_was_deleted_is_a_strangers()
    {
        var payload = Samples.First("pull_request", "reopened");
        payload["pull_request"]!["head"]!["repo"] = null;
        Assert.True(Samples.Run("pull_request", payload).PullRequest!.FromFork);
    }

    [Fact]
    public void A_new_base_is_a_run_of_the_pull_request_and_a_new_title_only_metadata()
    {
        var edited = Samples.First("pull_request", "synchronize");
        edited["action"] = "edited";
        edited["changes"] = new JsonObject { ["title"] = new JsonObject { ["from"] = "old" } };
        Assert.Equal("pull_request_metadata", Samples.Run("pull_request", edited).Event.Kind);
        Assert.Equal("edited", Samples.Run("pull_request", edited).Facts.Pipeline.EventReason);
        edited["changes"] = new JsonObject { ["base"] = new JsonObject { ["ref"] = new JsonObject { ["from"] = "next" } } };
        Assert.Equal("pull_request", Samples.Run("pull_request", edited).Event.Kind);
    }

    [Fact]
    public void A_closed_pull_request_has_an_event_of_its_own() =>
        Assert.Equal("pull_request_closed", Samples.Run("pull_request", Samples.First("pull_request", "closed")).Event.Kind);

    [Fact]
    public void A_merge_group_runs_what_pull_requests_run_and_is_no_strangers()
    {
        var request = Samples.Run("merge_group", Samples.First("merge_group"));
        Assert.Equal(("pull_request", "main", "2ffea6db159f6b6c47a24e778fb9ef40cf6b1c7d"), (request.Event.Kind, request.Event.Branch, request.Event.Commit));
        Assert.Equal("refs/heads/gh-readonly-queue/main/pr-104-929f8209d40f77f4abc622a499c93a83babdbe64", request.Event.Ref);
        Assert.Equal(104, request.Facts.Commit.PullRequest);
        Assert.Null(request.PullRequest);
        Assert.Equal("380387fbc80638b734a49e1be1c4dfec1c01b33c", request.ChangesSince);
    }

    [Fact]
    public void A_release_tells_its_tag_and_whether_it_is_a_pre_release()
    {
        var release = Samples.First("release", "published");
        release["release"]!["prerelease"] = true;
        release["release"]!["name"] = "First one";
        var request = Samples.Run("release", release);
        Assert.Equal(("release", "refs/tags/0.0.1", "master", ""), (request.Event.Kind, request.Event.Ref, request.Event.Branch, request.Event.Commit));
        Assert.Equal("First one", request.Facts.Pipeline.ReleaseTitle);
        Assert.True(request.Facts.Pipeline.ReleasePre);
    }

    [Theory]
    [InlineData("master", "master", "refs/heads/master")]
    [InlineData("f95f852bd8fca8fcc58a9a2d6c842781e32a215e", "master", "refs/heads/master")]
    [InlineData("f95f852", "master", "refs/heads/master")]
    [InlineData("refs/tags/v1", "refs/tags/v1", "refs/tags/v1")]
    public void A_deployment_tells_its_target(string given, string branch, string reference)
    {
        var deployment = Samples.First("deployment", "created");
        deployment["deployment"]!["ref"] = given;
        var request = Samples.Run("deployment", deployment);
        Assert.Equal((branch, reference, "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"), (request.Event.Branch, request.Event.Ref, request.Event.Commit));
        Assert.Equal("production", request.Facts.Pipeline.DeployTarget);
        Assert.Equal("deploy", request.Facts.Pipeline.DeployTask);
    }

    [Theory]
    [InlineData("$(reboot)`id`;\n&& x")]
    [InlineData("a..b")]
    [InlineData("a b")]
    [InlineData("a.lock")]
    [InlineData("a\u0000b")]
    [InlineData(".hidden")]
    [InlineData("x@{1}")]
    public void A_branch_that_git_would_not_allow_starts_nothing(string branch)
    {
        var push = Push();
        push["ref"] = "refs/heads/" + branch;
        Assert.IsType<Trigger.Nothing>(Samples.Read("push", push).Trigger);
    }

    [Theory]
    [InlineData("--upload-pack=x")]
    [InlineData("-$(id);`x`'\"${CI}")]
    [InlineData("<script>alert(1)</script>")]
    public void A_branch_that_git_allows_is_data_whatever_it_looks_like(string branch)
    {
        var push = Push();
        push["ref"] = "refs/heads/" + branch;
        Assert.Equal((branch, "refs/heads/" + branch), (Samples.Run("push", push).Event.Branch, Samples.Run("push", push).Event.Ref));
    }

    [Fact]
    public void What_people_write_stays_what_they_wrote_up_to_a_limit_and_without_NUL()
    {
        var push = Push();
        push["head_commit"]!["message"] = "a\u0000b\nsteps:\n- image: evil\n" + new string('x', 200_000);
        var message = Samples.Run("push", push).Facts.Commit.Message!;
        Assert.StartsWith("a\uFFFDb\nsteps:\n- image: evil\nxx", message);
        Assert.Equal(64 * 1024, message.Length);
    }

    private static JsonObject Push()
    {
        var push = Samples.First("push", where: node => node["head_commit"] is not null);
        push["ref"] = "refs/heads/topic/x";
        (push["before"], push["after"], push["created"], push["forced"]) = (Before, Commit, false, false);
        push["head_commit"]!["id"] = Commit;
        push["head_commit"]!["message"] = "Add a thing\n\nBecause.";
        push["commits"] = JsonNode.Parse("""[{"added": ["b.txt"], "modified": ["a.txt"], "removed": []}, {"added": [], "modified": ["b.txt"], "removed": ["c.txt"]}]""");
        return push;
    }
}
