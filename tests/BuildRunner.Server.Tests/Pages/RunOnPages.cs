using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Access;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Tests.Api;
using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Tests.Pages;

/// <summary>A server with a repository, and an agent that does as the test says: what pages show comes through the whole server.</summary>
internal sealed class RunOnPages : IAsyncDisposable
{
    private static readonly string Settings = JsonSerializer.Serialize(new RepositorySettings(), StoredJson.Default.RepositorySettings);
    private readonly List<byte> sent = [];

    private RunOnPages(HttpServer server, HttpClient agent)
    {
        Server = server;
        Agent = agent;
    }

    public HttpServer Server { get; }

    public Uri Url => Server.Http.BaseAddress!;

    private HttpClient Agent { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<RunOnPages> StartAsync(Func<ServerOptions, ServerOptions>? change = null)
    {
        var server = await HttpServer.StartAsync(change);
        return new RunOnPages(server, await server.AgentAsync());
    }

    /// <summary>A session for a browser.</summary>
    public async Task<string> SessionAsync(params string[] scopes) =>
        (await Server.Get<ApiTokens>().SignInAsync(await Server.ApiTokenAsync(scopes), Cancel))!;

    /// <summary>A client that is a browser without a script.</summary>
    public async Task<HttpClient> BrowserAsync(params string[] scopes)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = true, AllowAutoRedirect = false, CookieContainer = new CookieContainer() }) { BaseAddress = Url };
        client.DefaultRequestHeaders.Accept.ParseAdd("text/html,application/xhtml+xml");
        if (scopes.Length > 0)
        {
            client.DefaultRequestHeaders.Add("Cookie", $"{TokenAuthentication.CookieName}={await SessionAsync(scopes)}");
        }

        return client;
    }

    /// <summary>A run of <c>acme/shop</c>.</summary>
    public async Task<Guid> RunAsync(RunPlan plan, string title = "Add tax", TrustDecision? trust = null)
    {
        var database = Server.Get<Database>();
        var repository = await database.ReadAsync(db => Task.FromResult(db.Repositories.Where(r => r.Key == "acme/shop").Select(r => (Guid?)r.Id).SingleOrDefault()), Cancel)
            ?? await database.WriteAsync(
                turn =>
                {
                    var row = new RepositoryRow { Id = Guid.CreateVersion7(), Name = "acme/shop", Key = "acme/shop", CloneUrl = "https://forge.example/acme/shop", DefaultBranch = "main", Settings = Settings, CreatedAt = turn.Now };
                    turn.Db.Add(row);
                    return Task.FromResult(row.Id);
                },
                Cancel);
        return (await Server.Get<RunRegister>().CreateAsync(
            new NewRun { Repository = repository, Plan = plan, Event = plan.Event, Title = title, Author = "kim", Trust = trust ?? TestPlans.Trusted }, Cancel)).Id;
    }

    /// <summary>Takes the workflow, and then its first step, up to where it runs.</summary>
    public async Task<WorkItem> StepAsync()
    {
        var work = await ClaimAsync();
        while (work.Task is WorkTask.Start)
        {
            await ReportAsync(work, new WorkResult.Ready());
            work = await ClaimAsync();
        }

        using var intent = await HttpServer.SendAsync(Agent, AgentRoutes.For(AgentRoutes.Intent, work.Id), new IntentRequest { Fence = work.Fence, Digest = "sha256:" + new string('0', 64) }, AgentContractJson.Default.IntentRequest);
        Assert.Equal(HttpStatusCode.NoContent, intent.StatusCode);
        sent.Clear();
        return work;
    }

    /// <summary>The step writes lines.</summary>
    public async Task WriteAsync(WorkItem work, params string[] lines)
    {
        var bytes = lines.SelectMany(Frame).ToArray();
        foreach (var chunk in bytes.Chunk(200 * 1024))
        {
            await UploadAsync(work, sent.Count, chunk, sha256: null);
            sent.AddRange(chunk);
        }
    }

    /// <summary>The step ends.</summary>
    public async Task EndAsync(WorkItem work, Outcome outcome)
    {
        await UploadAsync(work, sent.Count, [], Convert.ToHexStringLower(SHA256.HashData(sent.ToArray())));
        await ReportAsync(work, TestAgent.Ended(outcome));
    }

    /// <summary>The workflow is over, and what it had is removed.</summary>
    public async Task ReleaseAsync() => await ReportAsync(await ClaimAsync(), new WorkResult.Released());

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    private static byte[] Frame(string line)
    {
        var frame = new LogFrame(LogStream.Out, TimeProvider.System.GetUtcNow(), false, Encoding.UTF8.GetBytes(line));
        var bytes = new byte[frame.Size];
        frame.Write(bytes);
        return bytes;
    }

    private async Task UploadAsync(WorkItem work, long offset, byte[] bytes, string? sha256)
    {
        using var content = new ByteArrayContent(bytes);
        using var response = await Agent.PutAsync(AgentRoutes.ForLog(work.Id, LogStreams.Output, work.Fence, offset, sha256), content, Cancel);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private async Task<WorkItem> ClaimAsync()
    {
        while (true)
        {
            var answer = await HttpServer.PostAsync(
                Agent, AgentRoutes.Claim, new ClaimRequest { Claim = Guid.NewGuid(), FreeSlots = 1 }, AgentContractJson.Default.ClaimRequest, AgentContractJson.Default.ClaimResponse);
            if (answer.Work is [var work, ..])
            {
                return work;
            }
        }
    }

    private async Task ReportAsync(WorkItem work, WorkResult result)
    {
        using var response = await HttpServer.SendAsync(Agent, AgentRoutes.For(AgentRoutes.Result, work.Id), new ResultRequest { Fence = work.Fence, Result = result }, AgentContractJson.Default.ResultRequest);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }
}
