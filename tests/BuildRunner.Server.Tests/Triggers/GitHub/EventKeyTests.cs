using System.Text.Json.Nodes;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Tests.Triggers.GitHub;

public sealed class EventKeyTests
{
    [Theory]
    [InlineData("push", null)]
    [InlineData("pull_request", "opened")]
    [InlineData("pull_request", "synchronize")]
    [InlineData("pull_request", "labeled")]
    [InlineData("release", "published")]
    [InlineData("deployment", "created")]
    [InlineData("issue_comment", "created")]
    [InlineData("merge_group", "checks_requested")]
    public void One_event_has_one_key_as_a_repositorys_webhook_and_as_an_app_sees_it(string name, string? action)
    {
        var hook = Samples.First(name, action);
        var app = hook.DeepClone();
        hook.Remove("installation");
        app["installation"] = new JsonObject { ["id"] = 42 };
        app["repository"]!["stargazers_count"] = 100;
        Assert.Equal(Samples.Read(name, hook).Key, Samples.Read(name, app).Key);
    }

    public static TheoryData<string, string?, string, string> Differences => new()
    {
        { "push", null, "after", "\"1111111111111111111111111111111111111111\"" },
        { "push", null, "ref", "\"refs/heads/other\"" },
        { "push", null, "repository.id", "7" },
        { "push", null, "repository.pushed_at", "1557933999" },
        { "pull_request", "labeled", "label.id", "7" },
        { "pull_request", "labeled", "pull_request.updated_at", "\"2020-01-01T00:00:00Z\"" },
        { "pull_request", "labeled", "action", "\"unlabeled\"" },
        { "pull_request", "synchronize", "pull_request.head.sha", "\"1111111111111111111111111111111111111111\"" },
        { "pull_request", "opened", "pull_request.number", "7" },
        { "issue_comment", "created", "comment.id", "7" },
        { "deployment", "created", "deployment.id", "7" },
        { "check_run", "requested_action", "requested_action.identifier", "\"cancel\"" },
        { "check_run", "rerequested", "check_run.completed_at", "\"2020-01-01T00:00:00Z\"" },
    };

    [Theory]
    [MemberData(nameof(Differences))]
    public void Two_events_have_two_keys_whatever_they_share(string name, string? action, string path, string value)
    {
        var first = Samples.First(name, action);
        var second = first.DeepClone();
        var parts = path.Split('.');
        parts[..^1].Aggregate((JsonNode)second, (node, part) => node[part]!)[parts[^1]] = JsonNode.Parse(value);
        Assert.NotEqual(Samples.Read(name, first).Key, Samples.Read(name, second).Key);
    }

    [Fact]
    public void No_part_can_pass_for_two()
    {
        Assert.NotEqual(EventKey.Of("x", "ab", "c"), EventKey.Of("x", "a", "bc"));
        Assert.NotEqual(EventKey.Of("x", "", null), EventKey.Of("x", null, ""));
        Assert.StartsWith("x/", EventKey.Of("x"));
    }
}
