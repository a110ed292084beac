using System.Net;
using System.Security.Cryptography;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Webhooks;
using BuildRunner.Testing.GitHub;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>What <c>doctor</c> says of GitHub, against GitHub as its own description has it, and against the emulator.</summary>
public sealed class GitHubHealthTests(GitHubEmulator emulator) : IClassFixture<GitHubEmulator>
{
    private const string AllRights = """{"id":1,"slug":"ci","name":"CI","permissions":{"checks":"write","contents":"read","pull_requests":"write","metadata":"read"},"events":["push","pull_request","check_run","check_suite","merge_group","release","deployment","issue_comment","repository"]}""";
    private static readonly Uri Public = new("https://ci.example/");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_app_as_it_should_be_is_fine_in_every_line()
    {
        await using var github = await GitHubMock.StartAsync();
        github.Answers = (call, _) => call switch
        {
            "GET /app" => (200, AllRights),
            "GET /app/hook/deliveries" => (200, """[{"id":2,"guid":"b","delivered_at":"2026-01-01T00:00:00Z","redelivery":false,"status":"OK","status_code":202}]"""),
            _ => null,
        };
        var findings = await LookAsync(github, Public, hasSecret: true);
        Assert.All(findings, f => Assert.True(f.Level == FindingLevel.Fine, $"{f.Name}: {f.Detail}"));
        Assert.Equal(["GitHub app", "GitHub rights", "GitHub events", "GitHub installs", "GitHub webhooks", "GitHub delivery"], findings.Select(f => f.Name));
        Assert.Contains("https://ci.example/hooks/github", findings[4].Detail);
        Assert.Empty(github.Problems);
    }

    [Fact]
    public async Task What_the_app_lacks_and_what_was_not_taken_is_said_with_what_to_do()
    {
        await using var github = await GitHubMock.StartAsync();
        github.Answers = (call, _) => call switch
        {
            "GET /app" => (200, """{"id":1,"slug":"ci","name":"CI","permissions":{"contents":"read","metadata":"read"},"events":["push"]}"""),
            "GET /app/installations" => (200, "[]"),
            "GET /app/hook/deliveries" => (200, """[{"id":2,"guid":"b","delivered_at":"2026-01-01T00:00:00Z","redelivery":false,"status":"Unauthorized","status_code":401}]"""),
            _ => null,
        };
        var findings = (await LookAsync(github, null, hasSecret: false)).ToDictionary(f => f.Name);
        Assert.Contains("lacks checks: write, pull_requests: read", findings["GitHub rights"].Detail);
        Assert.Contains("does not hear of pull_request", findings["GitHub events"].Detail);
        Assert.Contains("installed nowhere", findings["GitHub installs"].Detail);
        Assert.Contains("GitHub:WebhookSecret is not set", findings["GitHub webhooks"].Detail);
        Assert.Contains("1 of the last 1 were not taken", findings["GitHub delivery"].Detail);
        Assert.Contains("is not GitHub:WebhookSecret", findings["GitHub delivery"].Remedy);
        Assert.All(findings.Values.Where(f => f.Name != "GitHub app"), f => Assert.Equal(FindingLevel.Warning, f.Level));
    }

    [Fact]
    public async Task A_key_of_another_app_and_a_GitHub_that_is_not_there_are_told_apart()
    {
        await using var github = await GitHubMock.StartAsync();
        github.Answers = (_, _) => (401, """{"message":"A JSON web token could not be decoded"}""");
        Assert.Contains("do not belong together", Assert.Single(await LookAsync(github, Public, hasSecret: true)).Remedy);
        using var away = new GitHubHealth(github.Options(Key()) with { ApiUrl = "http://127.0.0.1:1/" }, Public, hasWebhookSecret: true, TimeProvider.System);
        Assert.Contains("reaches GitHub:ApiUrl", Assert.Single(await away.LookAsync(Cancel)).Remedy);
        using var unused = new GitHubHealth(new GitHubOptions(), Public, hasWebhookSecret: true, TimeProvider.System);
        Assert.Empty(await unused.LookAsync(Cancel));
    }

    [Fact]
    public async Task The_emulators_app_is_found_with_its_installation()
    {
        using var health = new GitHubHealth(emulator.Options(), Public, hasWebhookSecret: true, TimeProvider.System);
        var findings = await health.LookAsync(Cancel);
        Assert.Contains(findings, f => f is { Name: "GitHub app", Level: FindingLevel.Fine } && f.Detail.Contains("BuildRunner", StringComparison.Ordinal));
        Assert.Contains(findings, f => f is { Name: "GitHub installs", Level: FindingLevel.Fine });
    }

    [Fact]
    public async Task Adding_a_repository_with_a_personal_token_makes_its_webhook_or_says_what_to_click()
    {
        await using var github = await GitHubMock.StartAsync();
        var secret = WebhookSecret.Generate();
        var options = new GitHubOptions { ApiUrl = github.Address.AbsoluteUri, WebUrl = new Uri("https://github.com"), Token = "a-personal-token", LookEvery = TimeSpan.Zero };
        await using var server = await HttpServer.StartAsync(o => o with { GitHub = options, PublicUrl = Public, Webhooks = new WebhookOptions { GitHubSecrets = [secret] } });
        var api = new ApiClient(server.With(await server.ApiTokenAsync(Scopes.Admin)));
        Assert.Equal("its webhook was made: https://ci.example/hooks/github", (await AddAsync(api, "octocat/one")).Webhook);
        var made = Assert.Single(github.Requests, r => r.Call == "POST /repos/{owner}/{repo}/hooks");
        Assert.Contains(secret, made.Body);
        Assert.Empty(github.Problems);

        // The first repository's number is the example's; a second one needs another.
        github.Answers = (call, _) => call switch
        {
            "POST /repos/{owner}/{repo}/hooks" => (404, """{"message":"Not Found"}"""),
            "GET /repos/{owner}/{repo}" => (200, """{"id":2,"full_name":"octocat/two","default_branch":"main","private":false,"owner":{"id":1}}"""),
            _ => null,
        };
        var clicks = (await AddAsync(api, "octocat/two")).Webhook!;
        Assert.Contains("At https://github.com/octocat/two/settings/hooks press Add webhook; payload URL https://ci.example/hooks/github", clicks);
        Assert.DoesNotContain(secret, clicks);
    }

    private static Task<Repository> AddAsync(ApiClient api, string name) => api.SendAsync(
        "POST",
        ApiRoutes.Repositories,
        new AddRepository { Name = name, CloneUrl = "https://github.com/" + name },
        ApiJson.Default.AddRepository,
        ApiJson.Default.Repository,
        HttpStatusCode.Created);

    private static async Task<IReadOnlyList<Finding>> LookAsync(GitHubMock github, Uri? publicUrl, bool hasSecret)
    {
        using var health = new GitHubHealth(github.Options(Key()), publicUrl, hasSecret, TimeProvider.System);
        return await health.LookAsync(Cancel);
    }

    private static string Key()
    {
        using var rsa = RSA.Create(2048);
        return rsa.ExportRSAPrivateKeyPem();
    }
}
