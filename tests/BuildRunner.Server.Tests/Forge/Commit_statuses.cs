using System.Net;
using System.Text.Json.Nodes;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Access;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Tests.Triggers.GitHub;
using BuildRunner.Server.Webhooks;
using BuildRunner.Testing.GitHub;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>With a personal token, which can make no checks: from a push to the commit's statuses, against GitHub as its own description has it.</summary>
public sealed class Commit_statuses : IAsyncLifetime
{
    private const string Checks = "POST /repos/{owner}/{repo}/check-runs";
    private const string Statuses = "POST /repos/{owner}/{repo}/statuses/{sha}";
    private readonly string secret = WebhookSecret.Generate();
    private GitHubMock github = null!;
    private HttpServer server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        github = await GitHubMock.StartAsync();
        github.Answers = (call, _) => call == Checks ? (403, """{"message":"Resource not accessible by personal access token"}""") : null;
        var options = new GitHubOptions { ApiUrl = github.Address.AbsoluteUri, WebUrl = new Uri("https://github.com"), Token = "a-personal-token", LookEvery = TimeSpan.Zero };
        server = await HttpServer.StartAsync(o => o with { GitHub = options, Webhooks = new WebhookOptions { GitHubSecrets = [secret] } });
        var api = new ApiClient(server.With(await server.ApiTokenAsync(Scopes.Admin)));
        var add = new AddRepository { Name = "octocat/Hello-World", CloneUrl = "https://github.com/octocat/Hello-World" };
        await api.SendAsync("POST", ApiRoutes.Repositories, add, ApiJson.Default.AddRepository, ApiJson.Default.Repository, HttpStatusCode.Created);
    }

    public async ValueTask DisposeAsync()
    {
        await server.DisposeAsync();
        await github.DisposeAsync();
    }

    [Theory]
    [InlineData(true, "success")]
    [InlineData(false, "failure")]
    public async Task The_run_and_each_of_its_workflows_have_one_that_ends_as_they_do(bool succeeds, string state)
    {
        var commit = new string('c', 40);
        var push = Samples.First("push", where: p => ((string)p["ref"]!).StartsWith("refs/heads/", StringComparison.Ordinal));
        push["repository"]!["id"] = 1296269;
        push["repository"]!["full_name"] = "octocat/Hello-World";
        push["after"] = commit;
        push["deleted"] = false;
        push["head_commit"] = new JsonObject { ["id"] = commit, ["message"] = "Change" };
        Assert.Equal(HttpStatusCode.Accepted, await new WebhookSender(server.Http, secret).SendAsync("push", push));
        await UntilAsync(all => all.Count == 2 && all.Values.All(s => s == "pending"));

        await PretendingAgent.DoAllAsync(server, succeeds ? new Outcome.Success() : new Outcome.Failure(new FailureReason.ExitCode(3)), "said\n");
        var ended = await UntilAsync(all => all.Count == 2 && all.Values.All(s => s != "pending"));
        Assert.Equal([("buildrunner/push", state), ("buildrunner/push/buildrunner", state)], ended.Select(s => (s.Key, s.Value)).Order());

        Assert.Empty(github.Problems);
        Assert.All(Sent(), s => Assert.Equal($"/repos/octocat/Hello-World/statuses/{commit}", s.Address));
        Assert.All(Sent(), s => Assert.StartsWith("http", (string?)JsonNode.Parse(s.Body)!["target_url"], StringComparison.Ordinal));

        // That checks are not permitted is asked once for each, not at each change.
        Assert.Equal(2, github.Requests.Count(r => r.Call == Checks));
    }

    private List<(string Call, string Address, string Body)> Sent() => [.. github.Requests.Where(r => r.Call == Statuses)];

    /// <summary>The latest state of each context.</summary>
    private async Task<Dictionary<string, string>> UntilAsync(Func<Dictionary<string, string>, bool> enough)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            var latest = new Dictionary<string, string>();
            foreach (var body in Sent().Select(s => JsonNode.Parse(s.Body)!))
            {
                latest[(string)body["context"]!] = (string)body["state"]!;
            }

            if (enough(latest))
            {
                return latest;
            }

            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(60), $"not within a minute: {string.Join(", ", latest)}; {string.Join("; ", github.Problems)}");
            await Task.Delay(50, Cancel);
        }
    }
}
