using BuildRunner.Core.Planning;

namespace BuildRunner.Core.Tests.Planning;

public sealed class CiVariablesTests
{
    private static readonly RunFacts Facts = new()
    {
        Repository = new RepositoryFacts { RemoteId = "82", Url = "https://git.example.com/octocat/hello", CloneUrl = "https://git.example.com/octocat/hello.git", CloneSshUrl = "git@git.example.com:octocat/hello.git", Private = true },
        Commit = new CommitFacts { Message = "Initial commit", Timestamp = 1722617519, Author = "octocat", AuthorEmail = "octocat@example.com", Refspec = "issue:main", PullRequestLabels = ["a", "b"], PullRequestMilestone = "m" },
        Pipeline = new PipelineFacts { Number = 8, Parent = 0, Url = "https://ci.example.com/runs/8", ForgeUrl = "https://git.example.com/c", Created = 1, Started = 2, Author = "octocat", Avatar = "https://x/y", DeployTarget = "production", Reruns = 1, ReleaseTitle = "v1", ReleasePre = true },
        Previous = new PreviousFacts { Event = Plans.Push with { Commit = "cafe" }, Status = "failure", Finished = 9, Pipeline = new PipelineFacts { Number = 7 } },
        System = new SystemFacts { Url = "https://ci.example.com", Host = "ci.example.com", Platform = "linux/amd64", Version = "0.1.0", ForgeType = "github", ForgeUrl = "https://github.com" },
    };

    [Theory]
    [InlineData("push", "CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567")]
    [InlineData("push", "CI_REPO_OWNER", "octocat")]
    [InlineData("push", "CI_REPO_PRIVATE", "true")]
    [InlineData("push", "CI_REPO_TRUSTED_NETWORK", "false")]
    [InlineData("push", "CI_COMMIT_TIMESTAMP", "1722617519")]
    [InlineData("push", "CI_PIPELINE_PARENT", "0")]
    [InlineData("push", "CI_PIPELINE_RERUNS", "1")]
    [InlineData("push", "CI_PIPELINE_FILES", "[\"a \\\"b\\\".c\"]")]
    [InlineData("push", "CI_COMMIT_PULL_REQUEST", null)]
    [InlineData("push", "CI_COMMIT_SOURCE_BRANCH", null)]
    [InlineData("push", "CI_COMMIT_TAG", null)]
    [InlineData("push", "CI_PIPELINE_RELEASE_PRE", null)]
    [InlineData("push", "CI_PREV_COMMIT_SHA", "cafe")]
    [InlineData("push", "CI_PREV_PIPELINE_STATUS", "failure")]
    [InlineData("push", "CI_PREV_PIPELINE_NUMBER", "7")]
    [InlineData("push", "CI_SYSTEM_HOST", "ci.example.com")]
    [InlineData("push", "CI_FORGE_TYPE", "github")]
    [InlineData("pull_request", "CI_COMMIT_PULL_REQUEST", "7")]
    [InlineData("pull_request", "CI_COMMIT_SOURCE_BRANCH", "issue")]
    [InlineData("pull_request", "CI_COMMIT_TARGET_BRANCH", "main")]
    [InlineData("pull_request", "CI_COMMIT_PULL_REQUEST_LABELS", "a,b")]
    [InlineData("pull_request", "CI_COMMIT_PULL_REQUEST_DRAFT", "false")]
    [InlineData("tag", "CI_COMMIT_TAG", "v1.2.3")]
    [InlineData("release", "CI_PIPELINE_RELEASE_TITLE", "v1")]
    [InlineData("release", "CI_PIPELINE_RELEASE_PRE", "true")]
    public void A_variable_has_its_documented_value(string kind, string name, string? value)
    {
        var runEvent = Plans.Push with
        {
            Kind = kind,
            ChangedFiles = ["a \"b\".c"],
            Ref = kind switch
            {
                "pull_request" => "refs/pull/7/head",
                "tag" => "refs/tags/v1.2.3",
                _ => "refs/heads/main",
            },
        };
        Assert.Equal(value, CiVariables.ForRun(runEvent, Facts).GetValueOrDefault(name));
    }

    [Fact]
    public void The_list_of_names_has_every_variable_that_is_made_and_no_other()
    {
        var previous = Plans.Push with { Kind = "pull_request", Ref = "refs/pull/6/head", Commit = "cafe" };
        var all = Facts with
        {
            Pipeline = Facts.Pipeline with { EventReason = "edited", DeployTask = "migration" },
            Previous = new PreviousFacts { Event = previous, Commit = Facts.Commit, Pipeline = Facts.Pipeline with { EventReason = "edited", DeployTask = "migration" }, Status = "failure", Finished = 9 },
        };
        var made = new[] { Plans.Push with { Kind = "tag", Ref = "refs/tags/v1" }, Plans.Push with { Kind = "pull_request", Ref = "refs/pull/7/head" }, Plans.Push with { Kind = "release" } }
            .SelectMany(runEvent => CiVariables.ForRun(runEvent, all).Keys)
            .Concat(CiVariables.ForWorkflow("build", 1).Keys);
        Assert.Equal(CiNames.BeforeRun.Order(StringComparer.Ordinal), made.Distinct().Order(StringComparer.Ordinal));
        Assert.Superset(CiVariables.ForStep("a", 0, StepKind.Commands, "/w", "https://ci.example.com/1").Keys.ToHashSet(), CiNames.AtStart.ToHashSet());
        Assert.Empty(CiNames.AtStart.Intersect(CiNames.BeforeRun));
    }

    [Fact]
    public void Too_many_changed_files_are_not_told()
    {
        Assert.False(CiVariables.ForRun(Plans.Push with { ChangedFiles = [.. Enumerable.Range(0, 501).Select(i => $"{i}")] }, Facts).ContainsKey("CI_PIPELINE_FILES"));
    }

    [Theory]
    [InlineData("https://git.example.com:8443/octocat/hello", "src/git.example.com/octocat/hello")]
    [InlineData("https://git.example.com/a/../../etc", "src/git.example.com/etc")]
    [InlineData("https://git.example.com/%2e%2e/x", "src/git.example.com/x")]
    [InlineData("not a url", "src")]
    [InlineData(null, "src")]
    public void The_workspace_lies_where_the_repository_is(string? url, string path)
    {
        Assert.Equal(path, WorkspacePaths.DefaultPath(url));
    }

    [Theory]
    [InlineData("push", "Fix [CI SKIP]", true)]
    [InlineData("push", "Fix [skip ci] it", true)]
    [InlineData("pull_request", "[ciskip]", true)]
    [InlineData("tag", "[skip ci]", false)]
    [InlineData("push", "skip ci", false)]
    public void A_commit_can_ask_to_be_skipped(string kind, string message, bool skipped)
    {
        Assert.Equal(skipped, SkipCommit.Asks(kind, message));
    }
}
