using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Access;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Tests.Forge;
using BuildRunner.Server.Tests.Sources;
using BuildRunner.Server.Webhooks;
using BuildRunner.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Tests.Webhooks;

/// <summary>What is told of runs to those whom <c>Notify:Webhooks</c> names: signed as anybody can check, and again until it is taken.</summary>
public sealed class Telling_others : IDisposable
{
    private const string HiddenPath = "services/T0/path-that-is-a-secret";
    private readonly TestFolder folder = TestFolder.Create();
    private readonly byte[] key = RandomNumberGenerator.GetBytes(24);
    private readonly ConcurrentQueue<(string Id, string Type, JsonNode Body)> taken = new();
    private readonly ConcurrentQueue<string> refused = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Beginning_and_end_of_a_run_are_told_signed_and_again_under_the_same_id_when_they_are_not_taken()
    {
        await using var receiver = await ReceiveAsync();
        var logs = new CollectedLogs();
        await using var server = await ServeAsync(receiver, logs);
        await StartAsync(server);
        await PretendingAgent.DoAllAsync(server, new Outcome.Failure(new FailureReason.ExitCode(3)), "said\n");
        // One of the two was refused and comes again later; where that is the beginning, the end is taken before it.
        await UntilAsync(() => taken.Any(t => t.Type == "run.started") && taken.Any(t => t.Type == "run.finished"), "the beginning and the end of the run");

        var (started, finished) = (taken.Single(t => t.Type == "run.started"), taken.Single(t => t.Type == "run.finished"));
        Assert.NotEqual(started.Id, finished.Id);
        Assert.Equal(("acme/shop", "failure"), ((string?)finished.Body["data"]!["repo"], (string?)finished.Body["data"]!["state"]));
        Assert.Contains(refused, id => id == started.Id || id == finished.Id);

        // What nobody is told any more is given up, and neither that nor anything else writes down an address's path.
        await server.Get<Database>().WriteAsync(
            turn =>
            {
                turn.Db.Add(new OutboxRow { Id = Guid.CreateVersion7(), Target = $"https://hooks.example/{HiddenPath}", Run = Guid.NewGuid(), Event = "run.started", Body = [], At = turn.Now, DueAt = turn.Now, Done = false });
                return Task.CompletedTask;
            },
            Cancel);
        await UntilAsync(() => logs.All.Contains("https://hooks.example/… could not be told about run.started", StringComparison.Ordinal), "the word about it", () => logs.All);
        Assert.DoesNotContain(HiddenPath, logs.All, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_wrong_with_an_address_is_said_without_its_path()
    {
        var options = new NotifyOptions { Targets = [new NotifyTarget(new Uri($"http://hooks.example/{HiddenPath}"), "whsec_bm90"), new NotifyTarget(new Uri($"https://hooks.example/{HiddenPath}"), "")] };
        var problems = options.Problems();
        Assert.True(problems.Count >= 2);
        Assert.All(problems, p => Assert.Contains("hooks.example/…", p));
        Assert.DoesNotContain(problems, p => p.Contains("path-that-is", StringComparison.Ordinal));
    }

    /// <summary>A receiver that takes nothing at its first chance, and afterwards only what is signed as the specification says.</summary>
    private async Task<WebApplication> ReceiveAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.MapPost($"/{HiddenPath}", async (HttpRequest request) =>
        {
            using var reader = new StreamReader(request.Body, Encoding.UTF8);
            var body = await reader.ReadToEndAsync(Cancel);
            var (id, at) = (request.Headers["webhook-id"].ToString(), request.Headers["webhook-timestamp"].ToString());
            if (refused.IsEmpty)
            {
                refused.Enqueue(id);
                return Results.StatusCode(StatusCodes.Status503ServiceUnavailable);
            }

            var signature = Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{at}.{body}")));
            var age = DateTimeOffset.UnixEpoch.AddSeconds(long.Parse(at, CultureInfo.InvariantCulture)) - TimeProvider.System.GetUtcNow();
            if (request.Headers["webhook-signature"] != "v1," + signature || age.Duration() > TimeSpan.FromMinutes(5))
            {
                return Results.StatusCode(StatusCodes.Status401Unauthorized);
            }

            var told = JsonNode.Parse(body)!;
            taken.Enqueue((id, (string)told["type"]!, told));
            return Results.NoContent();
        });
        await app.StartAsync(Cancel);
        return app;
    }

    private Task<HttpServer> ServeAsync(WebApplication receiver, CollectedLogs logs)
    {
        var target = new NotifyTarget(new Uri($"{receiver.Urls.First()}/{HiddenPath}"), "whsec_" + Convert.ToBase64String(key));
        return HttpServer.StartAsync(o => o with { Sources = new SourceOptions { LocalFolders = [folder["repos"]] }, Notify = new NotifyOptions { Targets = [target] } }, logs: logs);
    }

    private async Task StartAsync(HttpServer server)
    {
        var api = new ApiClient(server.With(await server.ApiTokenAsync(Scopes.Admin)));
        new GitRepository(folder["repos/shop"]).Commit("one", (".buildrunner.yml", "skip_clone: true\nsteps:\n  - { name: a, image: busybox, commands: [ id ] }\n"));
        var add = new AddRepository { Name = "acme/shop", CloneUrl = folder["repos/shop"] };
        await api.SendAsync("POST", ApiRoutes.Repositories, add, ApiJson.Default.AddRepository, ApiJson.Default.Repository, HttpStatusCode.Created);
        await api.SendAsync("POST", ApiRoutes.For(ApiRoutes.RunsOfRepository, "acme/shop"), new StartRun(), ApiJson.Default.StartRun, ApiJson.Default.RunSummary, HttpStatusCode.Created);
    }

    private static async Task UntilAsync(Func<bool> enough, string what, Func<string>? seen = null)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!enough())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromMinutes(2), $"not within two minutes: {what}; {seen?.Invoke()}");
            await Task.Delay(20, Cancel);
        }
    }

    private sealed class CollectedLogs : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> lines = new();

        public string All => string.Join('\n', lines);

        public ILogger CreateLogger(string categoryName) => this;

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            lines.Enqueue($"{formatter(state, exception)} {exception}");
    }
}
