using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using BuildRunner.Server.Access;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Testing.GitHub;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>The page that has GitHub make an app: what is asked for, whose answer is taken, and what becomes of the app's secrets.</summary>
public sealed partial class GitHub_App_from_a_manifest
{
    private const string Conversion = "POST /app-manifests/{code}/conversions";
    private const string WebhookSecret = "the secret that GitHub made for the app";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_app_that_GitHub_made_is_used_at_once_and_what_it_must_not_tell_is_sealed()
    {
        await using var github = await GitHubAsync();
        await using var server = await ServerAsync(github);
        using var browser = await BrowserAsync(server, Scopes.Admin);
        Assert.Equal(HttpStatusCode.NotFound, await new WebhookSender(server.Http, WebhookSecret).SendAsync("ping", new JsonObject()));

        using var page = await browser.GetAsync("/github-app?organisation=acme-inc", Cancel);
        var html = await page.Content.ReadAsStringAsync(Cancel);
        Assert.Contains("form-action 'self' https://github.com;", page.Headers.GetValues("Content-Security-Policy").Single());
        var target = new Uri(WebUtility.HtmlDecode(Action().Match(html).Groups[1].Value));
        Assert.Equal("https://github.com/organizations/acme-inc/settings/apps/new", target.GetLeftPart(UriPartial.Path));
        var manifest = JsonNode.Parse(WebUtility.HtmlDecode(Manifest().Match(html).Groups[1].Value))!;
        Assert.Equal("https://ci.example.com/ci/hooks/github", (string?)manifest["hook_attributes"]!["url"]);
        Assert.Equal("https://ci.example.com/ci/github-app-made", (string?)manifest["redirect_url"]);
        Assert.Subset(OpenApi.ComponentNames("app-permissions").ToHashSet(), manifest["default_permissions"]!.AsObject().Select(p => p.Key).ToHashSet());
        Assert.Contains("issue_comment", manifest["default_events"]!.ToJsonString());

        using var made = await browser.GetAsync($"/github-app-made?code=c0de&state={target.Query["?state=".Length..]}", Cancel);
        Assert.Equal(HttpStatusCode.Redirect, made.StatusCode);
        Assert.Contains("/app-manifests/c0de/conversions", github.Requests.Single(r => r.Call == Conversion).Address);
        Assert.Empty(github.Problems);
        var after = await browser.GetStringAsync("/github-app", Cancel);
        Assert.Contains("/installations/new", after);
        Assert.Contains("buildrunner repo add", after);

        // It is used at once, and its secrets are nowhere in the clear.
        Assert.Equal(HttpStatusCode.Accepted, await new WebhookSender(server.Http, WebhookSecret).SendAsync("ping", new JsonObject()));
        var database = server.Get<Database>();
        var rows = await database.ReadAsync(db => db.Settings.Select(s => s.Value).ToListAsync(Cancel), Cancel);
        Assert.DoesNotContain(WebhookSecret, string.Concat(rows));
        Assert.DoesNotContain("PRIVATE KEY", string.Concat(rows));
        Assert.DoesNotContain(WebhookSecret, after);
        Assert.True(await database.ReadAsync(db => db.Audit.AnyAsync(a => a.Action == "github.app_made", Cancel), Cancel));

        // A rotation reaches it.
        var keys = new KeyRing(MasterKey.Generate(), [server.Key]);
        Assert.Equal(1, await new SecretRegister(database, new SecretStore(keys), keys).RotateAsync("test", Cancel));
        Assert.Equal(WebhookSecret, (await GitHubApps.ReadAsync(database, keys, Cancel))!.WebhookSecret);
        await Assert.ThrowsAsync<SecretException>(() => GitHubApps.ReadAsync(database, new KeyRing(server.Key, []), Cancel));
    }

    [Fact]
    public async Task An_answer_that_this_browser_did_not_ask_for_is_not_taken_and_neither_is_one_a_second_time()
    {
        await using var github = await GitHubAsync();
        await using var server = await ServerAsync(github);
        using var admin = await BrowserAsync(server, Scopes.Admin);
        using var other = await BrowserAsync(server, Scopes.Admin);
        using var reader = await BrowserAsync(server, Scopes.Read);
        Assert.Equal(HttpStatusCode.Forbidden, (await reader.GetAsync("/github-app", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, (await reader.GetAsync("/github-app-made?code=c&state=s", Cancel)).StatusCode);
        var state = await StateAsync(admin);
        Assert.Equal(HttpStatusCode.BadRequest, (await other.GetAsync($"/github-app-made?code=c0de&state={state}", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await admin.GetAsync($"/github-app-made?code=c0de&state={new string('0', state.Length)}", Cancel)).StatusCode);

        // Whoever was refused once has to ask anew, in the page that said so.
        Assert.Equal(HttpStatusCode.BadRequest, (await admin.GetAsync($"/github-app-made?code=c0de&state={state}", Cancel)).StatusCode);
        state = await StateAsync(admin);
        Assert.Equal(HttpStatusCode.BadRequest, (await admin.GetAsync($"/github-app-made?code=..%2F..%2Fuser&state={state}", Cancel)).StatusCode);
        Assert.DoesNotContain(github.Requests, r => r.Call == Conversion);
        state = await StateAsync(admin);
        Assert.Equal(HttpStatusCode.Redirect, (await admin.GetAsync($"/github-app-made?code=c0de&state={state}", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await admin.GetAsync($"/github-app-made?code=c0de&state={state}", Cancel)).StatusCode);
        Assert.Single(github.Requests, r => r.Call == Conversion);

        // What GitHub refuses is said, and changes nothing.
        github.Answers = (call, _) => call == Conversion ? (404, """{"message":"Not Found"}""") : null;
        state = await StateAsync(admin);
        using var refused = await admin.GetAsync($"/github-app-made?code=older&state={state}", Cancel);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("GitHub did not hand out the app", await refused.Content.ReadAsStringAsync(Cancel));
        Assert.NotNull(server.Get<GitHubLogin>().AppId);
    }

    private static async Task<GitHubMock> GitHubAsync()
    {
        var github = await GitHubMock.StartAsync();
        using var rsa = RSA.Create(2048);
        var app = OpenApi.ExampleOf("post", "/app-manifests/{code}/conversions").Body!;
        (app["pem"], app["webhook_secret"]) = (rsa.ExportRSAPrivateKeyPem(), WebhookSecret);
        var text = app.ToJsonString();
        github.Answers = (call, _) => call == Conversion ? (201, text) : null;
        return github;
    }

    private static Task<HttpServer> ServerAsync(GitHubMock github) => HttpServer.StartAsync(o => o with
    {
        PublicUrl = new Uri("https://ci.example.com/ci"),
        GitHub = new GitHubOptions { ApiUrl = github.Address.AbsoluteUri, WebUrl = new Uri("https://github.com"), LookEvery = TimeSpan.Zero },
    });

    private static async Task<HttpClient> BrowserAsync(HttpServer server, string scope)
    {
        var browser = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, CookieContainer = new() }) { BaseAddress = server.Http.BaseAddress };
        browser.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", await server.ApiTokenAsync(scope));
        return browser;
    }

    private static async Task<string> StateAsync(HttpClient browser) =>
        new Uri(WebUtility.HtmlDecode(Action().Match(await browser.GetStringAsync("/github-app", Cancel)).Groups[1].Value)).Query["?state=".Length..];

    [GeneratedRegex("<form method=\"post\" action=\"(https[^\"]+)\" id=\"manifest\"")]
    private static partial Regex Action();

    [GeneratedRegex("name=\"manifest\" value=\"([^\"]+)\"")]
    private static partial Regex Manifest();
}
