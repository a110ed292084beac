using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using BuildRunner.Server.Forge;
using BuildRunner.Testing.GitHub;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>
/// GitHub as its published description has it: refuses with 422 what a request's schema does not allow and with 404 what is no call at all, and answers everything
/// else with the example that the description gives, changed where a test says so. It knows every repository, and keeps nothing.
/// </summary>
internal sealed class GitHubMock : IAsyncDisposable
{
    private readonly WebApplication app;

    private GitHubMock(WebApplication app) => this.app = app;

    /// <summary>Its address, with a slash at its end.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    /// <summary>What it was asked: the call as the description writes it, the address, and the body.</summary>
    public ConcurrentQueue<(string Call, string Address, string Body)> Requests { get; } = new();

    /// <summary>What was asked and is not as GitHub describes it.</summary>
    public ConcurrentQueue<string> Problems { get; } = new();

    /// <summary>The content of every repository's <c>.buildrunner.yml</c> at every commit.</summary>
    public string Pipeline { get; set; } = "skip_clone: true\nsteps:\n  - { name: test, image: busybox, commands: [ \"true\" ] }\n";

    /// <summary>Answers of a test's own: null for a call means the example. Asked with the call as the description writes it, like <c>POST /repos/{owner}/{repo}/check-runs</c>.</summary>
    public Func<string, string, (int Status, string Body)?> Answers { get; set; } = (_, _) => null;

    /// <summary>Starts one.</summary>
    public static async Task<GitHubMock> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1));
        var mock = new GitHubMock(builder.Build());
        mock.app.Run(mock.HandleAsync);
        await mock.app.StartAsync();
        mock.Address = new(mock.app.Urls.Single() + "/");
        return mock;
    }

    /// <summary>What BuildRunner is set to, to speak to it as an app.</summary>
    public GitHubOptions Options(string privateKey) =>
        new() { ApiUrl = Address.AbsoluteUri, WebUrl = new Uri("https://github.com"), AppId = GitHubEmulator.App, PrivateKey = privateKey, LookEvery = TimeSpan.Zero };

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private async Task HandleAsync(HttpContext context)
    {
        var request = context.Request;
        var method = request.Method.ToLowerInvariant();
        var body = await new StreamReader(request.Body, Encoding.UTF8).ReadToEndAsync();
        if (OpenApi.PathOf(method, request.Path) is not { } path)
        {
            Problems.Enqueue($"{request.Method} {request.Path} is no call of GitHub's");
            await SayAsync(context, 404, """{"message":"Not Found"}""");
            return;
        }

        var call = $"{request.Method} {path}";
        Requests.Enqueue((call, request.Path + request.QueryString.ToString(), body));
        if (body.Length > 0 && await OpenApi.ProblemsAsync(method, path, body) is { Count: > 0 } wrong)
        {
            Problems.Enqueue($"{call}: {string.Join("; ", wrong)}");
            await SayAsync(context, 422, """{"message":"Validation Failed"}""");
            return;
        }

        if (Answers(call, request.Path) is { } answer)
        {
            await SayAsync(context, answer.Status, answer.Body);
            return;
        }

        var (status, example) = OpenApi.ExampleOf(method, path);
        Change(call, example);
        await SayAsync(context, status, example?.ToJsonString() ?? "{}");
    }

    // The examples are of years ago, and of a repository without pipelines.
    private void Change(string call, JsonNode? example)
    {
        switch (call)
        {
            case "POST /app/installations/{installation_id}/access_tokens":
                example!["expires_at"] = "2099-01-01T00:00:00Z";
                break;
            case "GET /repos/{owner}/{repo}/git/trees/{tree_sha}":
                example!["tree"] = new JsonArray(new JsonObject { ["path"] = ".buildrunner.yml", ["mode"] = "100644", ["type"] = "blob", ["sha"] = new string('b', 40), ["size"] = Pipeline.Length });
                break;
            case "GET /repos/{owner}/{repo}/git/blobs/{file_sha}":
                example!["encoding"] = "base64";
                example["content"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(Pipeline));
                break;
        }
    }

    private static async Task SayAsync(HttpContext context, int status, string body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body);
    }
}
