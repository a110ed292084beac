using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using BuildRunner.Testing;
using BuildRunner.Testing.GitHub;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>A pull request from a fork, from GitHub's event to its checks, through real processes: it begins when somebody who may write says so of exactly its commit, and gets nothing that is not everybody's.</summary>
public sealed partial class Pull_requests_of_strangers(GitHubEmulator github) : IClassFixture<GitHubEmulator>, IDisposable
{
    private const string Canary = "canary-of-the-installation-5e884898da28047151d0e56f8dc62927";
    private readonly TestFolder folder = TestFolder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Each_head_waits_until_it_is_approved_by_comment_button_page_or_api_and_its_checkout_gets_a_token_that_can_read_one_repository()
    {
        await using var service = await GitHubService.StartAsync(github, folder);
        await github.BranchAsync("pull-1");
        var heads = new List<string>();
        foreach (var i in Enumerable.Range(1, 4))
        {
            heads.Add(await github.CommitAsync(".buildrunner.yml", Pipeline(i == 4 ? "" : "skip_clone: true", $"echo strangers code {i}"), "pull-1"));
        }

        // A comment, which has to quote the commit and to be of somebody who may write.
        await BlockedAsync(service, "opened", heads[0]);
        Assert.Contains("stranger may not write to kim/shop", await service.TellAsync("issue_comment", service.Events.Comment(1, $"/buildrunner approve {heads[0]}", byStranger: true)));
        Assert.Contains("with the whole commit", await service.TellAsync("issue_comment", service.Events.Comment(1, $"/buildrunner approve {heads[0][..12]}")));
        Assert.Contains("no run waits", await service.TellAsync("issue_comment", service.Events.Comment(1, $"/buildrunner approve {new string('a', 40)}")));
        await service.RunAsync(heads[0], "blocked");
        Assert.Equal("approved", await service.TellAsync("issue_comment", service.Events.Comment(1, $"/buildrunner approve {heads[0]}")));
        await service.RunAsync(heads[0], "success");
        await service.ChecksAsync(heads[0], checks => checks.Count == 2 && checks.All(c => (string?)c!["conclusion"] == "success"));

        // A new push needs a new one: here the button.
        var check = await BlockedAsync(service, "synchronize", heads[1]);
        Assert.Contains("stranger may not write", await service.TellAsync("check_run", service.Events.Button(check, "approve", byStranger: true)));
        Assert.Equal("approved", await service.TellAsync("check_run", service.Events.Button(check, "approve")));
        await service.RunAsync(heads[1], "success");

        // The API, of exactly this commit.
        await BlockedAsync(service, "synchronize", heads[2]);
        var path = $"/api/v1/repos/kim/shop/runs/{(await service.RunAsync(heads[2], "blocked"))["run"]!["number"]}";
        using (var content = new StringContent(new JsonObject { ["commit"] = heads[1] }.ToJsonString(), System.Text.Encoding.UTF8, "application/json"))
        using (var refused = await service.Service.Http.PostAsync(path + "/approve", content, Cancel))
        {
            Assert.Equal(System.Net.HttpStatusCode.Conflict, refused.StatusCode);
        }

        await service.Service.SendAsync(HttpMethod.Post, path + "/approve", new JsonObject { ["commit"] = heads[2] });
        await service.RunAsync(heads[2], "success");

        // The page; and a checkout, whose token can read this repository and nothing else.
        await BlockedAsync(service, "synchronize", heads[3]);
        await ApproveOnPageAsync(service.Service, (int)(await service.RunAsync(heads[3], "blocked"))["run"]!["number"]!);
        await service.RunAsync(heads[3], run => run["run"]!["state"]!.ToString() is "failure" or "error");
        var tokens = (await github.AsKimAsync(HttpMethod.Get, "_emulate/installation-tokens"))["installation_tokens"]!.AsArray();
        Assert.Contains(tokens, t => t!["permissions"]!.ToJsonString() == """{"contents":"read"}""");
        Assert.All(tokens.Where(t => t!["permissions"]!["contents"] is not null), t =>
        {
            Assert.Equal("read", (string?)t!["permissions"]!["contents"]);
            Assert.Equal(service.Events.Repository, (long)Assert.Single(t["repository_ids"]!.AsArray())!);
        });
    }

    [Fact]
    public async Task A_pipeline_that_asks_for_more_is_refused_with_the_setting_that_says_so_even_where_the_repository_is_trusted_with_everything()
    {
        await using var service = await GitHubService.StartAsync(github, folder, ("Engine:AllowPrivileged", "true"), ("Engine:AllowedVolumes", "/"), ("Engine:AllowedDevices", "/dev"));
        await service.Service.SendAsync(HttpMethod.Put, "/api/v1/secrets/deploy", new JsonObject { ["value"] = Canary });
        var trusted = new JsonObject { ["trustPrivileged"] = true, ["trustVolumes"] = true, ["trustDevices"] = true, ["trustNetwork"] = true, ["approve"] = "forks" };
        await service.Service.SendAsync(HttpMethod.Patch, "/api/v1/repos/kim/shop", new JsonObject { ["settings"] = trusted });
        await github.BranchAsync("pull-2");
        await github.CommitAsync(".buildrunner/privileged.yml", Pipeline("skip_clone: true", "id", "privileged: true"), "pull-2");
        await github.CommitAsync(".buildrunner/volumes.yml", Pipeline("skip_clone: true", "id", "volumes: [ \"/etc:/host\" ]"), "pull-2");
        await github.CommitAsync(".buildrunner/devices.yml", Pipeline("skip_clone: true", "id", "devices: /dev/fuse"), "pull-2");
        await github.CommitAsync(".buildrunner/secrets.yml", Pipeline("skip_clone: true", "env", "environment: { T: { from_secret: deploy } }"), "pull-2");
        await github.CommitAsync(".buildrunner/labels.yml", Pipeline("skip_clone: true\nlabels: { production: \"true\" }", "id"), "pull-2");
        var head = await github.CommitAsync(".buildrunner/trigger.yml", Pipeline("skip_clone: true\nwhen: { event: cron }", "id"), "pull-2");
        var check = await BlockedAsync(service, "opened", head, 2);
        Assert.Equal("approved", await service.TellAsync("check_run", service.Events.Button(check, "approve")));

        var run = await service.RunAsync(head, r => new[] { "privileged", "volumes", "devices", "secrets" }.All(w => Workflow(r, w)["state"]!.ToString() is "error" or "failure"));
        Says("asks for privileged: true, which is not allowed here", run, "privileged");
        Says("the setting Engine:AllowPrivileged does not count, because the code comes from a fork", run, "privileged");
        Says("the volume '/etc:/host'", run, "volumes");
        Says("the setting Engine:AllowedVolumes does not count, because the code comes from a fork", run, "volumes");
        Says("the device '/dev/fuse'", run, "devices");
        Says("the setting Engine:AllowedDevices does not count, because the code comes from a fork", run, "devices");
        Says("the secret 'deploy' is withheld: this pull request comes from a fork", run, "secrets");
        Says("no agent with label production", run, "labels");
        Assert.Equal("skipped", (string?)Workflow(run, "trigger")["state"]);
        Says("event", run, "trigger");

        // The same words are at the check, and the secret is nowhere.
        var checks = await service.ChecksAsync(head, all => all.Any(c => ((string)c!["name"]!).EndsWith("/privileged", StringComparison.Ordinal) && (string?)c["status"] == "completed"));
        Assert.Contains("Engine:AllowPrivileged", checks.Single(c => ((string)c!["name"]!).EndsWith("/privileged", StringComparison.Ordinal))!.ToJsonString());
        Assert.DoesNotContain(Canary, checks.ToJsonString() + run.ToJsonString() + service.Service.Said);
        await service.Service.SendAsync(HttpMethod.Post, $"/api/v1/repos/kim/shop/runs/{run["run"]!["number"]}/cancel", new JsonObject { ["why"] = "enough" });
        await service.RunAsync(head, r => (string?)r["run"]!["state"] is not ("running" or "queued"));
    }

    private static string Pipeline(string top, string command, string step = "") => $"""
        {top}
        steps:
          - name: test
            image: rootfs:/
            commands: [ {command} ]
            {step}
        """;

    /// <summary>Tells of a head, and sees that it waits: no step has begun, and the overall check has the button and quotes the commit.</summary>
    private static async Task<JsonNode> BlockedAsync(GitHubService service, string action, string head, int number = 1)
    {
        Assert.StartsWith("started run", await service.TellAsync("pull_request", service.Events.ForkPull(action, number, head)));
        var run = await service.RunAsync(head, "blocked");
        Assert.Equal(head, (string?)run["approval"]!["commit"]);
        Assert.DoesNotContain("\"running\"", run.ToJsonString());
        var checks = await service.ChecksAsync(head, all => all.Any(c => (string?)c!["name"] == "buildrunner/pr" && ((string?)c["output"]?["summary"])?.Contains(head, StringComparison.Ordinal) == true));
        return checks.Single(c => (string?)c!["name"] == "buildrunner/pr")!;
    }

    private static async Task ApproveOnPageAsync(Service service, int number)
    {
        var page = $"/kim/shop/runs/{number}";
        using var browser = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, CookieContainer = new() }) { BaseAddress = service.Http.BaseAddress };
        var login = await browser.GetStringAsync("/login", Cancel);
        using var credentials = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["token"] = service.Http.DefaultRequestHeaders.Authorization!.Parameter!,
            ["_form"] = FormToken().Match(login).Groups[1].Value,
        });
        using var signedIn = await browser.PostAsync("/login", credentials, Cancel);
        Assert.Equal(System.Net.HttpStatusCode.Redirect, signedIn.StatusCode);
        Assert.Contains($"#{number}", await browser.GetStringAsync("/approvals", Cancel));
        var html = await browser.GetStringAsync(page, Cancel);
        var action = ApproveAction().Match(html);
        Assert.True(action.Success, html);
        using var form = new FormUrlEncodedContent(new Dictionary<string, string>
        {
            ["commit"] = CommitField().Match(html).Groups[1].Value,
            ["_form"] = FormToken().Match(html).Groups[1].Value,
        });
        using var answer = await browser.PostAsync(System.Net.WebUtility.HtmlDecode(action.Groups[1].Value), form, Cancel);
        Assert.True((int)answer.StatusCode is 302 or 303, await answer.Content.ReadAsStringAsync(Cancel));
    }

    private static JsonNode Workflow(JsonNode run, string name) => run["workflows"]!.AsArray().Single(w => (string?)w!["name"] == name)!;

    private static void Says(string text, JsonNode run, string workflow) => Assert.True(Told(Workflow(run, workflow)).Contains(text, StringComparison.Ordinal), $"'{text}' is not in {Told(Workflow(run, workflow))}");

    private static string Told(JsonNode node) => node.ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    [GeneratedRegex("name=\"_form\"[^>]*value=\"([^\"]+)\"")]
    private static partial Regex FormToken();

    [GeneratedRegex("formaction=\"([^\"]*handler=approve[^\"]*|[^\"]*[Aa]pprove[^\"]*)\"")]
    private static partial Regex ApproveAction();

    [GeneratedRegex("name=\"commit\"[^>]*value=\"([0-9a-f]+)\"")]
    private static partial Regex CommitField();
}
