using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Tests.Api;

namespace BuildRunner.Server.Tests.Hosting;

/// <summary>An agent that runs nothing, over HTTP: it says what a test wants it to say.</summary>
internal sealed class HttpAgent(HttpClient http) : IDisposable
{
    private static readonly AgentContractJson Json = AgentContractJson.Default;

    public HttpClient Http => http;

    /// <summary>Registers one, by a token that an administrator made.</summary>
    public static async Task<HttpAgent> RegisterAsync(RunningServer server, ApiClient administrator, string version = "0.1.0")
    {
        var token = await administrator.SendAsync(
            "POST", ApiRoutes.AgentTokens, new NewAgentToken(), ApiJson.Default.NewAgentToken, ApiJson.Default.AgentToken, System.Net.HttpStatusCode.Created);
        var registered = await HttpServer.PostAsync(server.Http, AgentRoutes.Register, new RegisterRequest { Token = token.Token, Name = "a" }, Json.RegisterRequest, Json.RegisterResponse);
        var agent = new HttpAgent(server.With(registered.Credential));
        var hello = new HelloRequest { Version = version, Session = Guid.NewGuid(), Slots = 4, Facts = new Dictionary<string, string>() };
        await HttpServer.PostAsync(agent.Http, AgentRoutes.Hello, hello, Json.HelloRequest, Json.HelloResponse);
        return agent;
    }

    /// <summary>The same agent at another server.</summary>
    public HttpAgent At(RunningServer other) => new(other.With(http.DefaultRequestHeaders.Authorization!.Parameter!));

    /// <summary>Claims until there is one piece of work.</summary>
    public async Task<WorkItem> ClaimAsync()
    {
        while (true)
        {
            var answer = await HttpServer.PostAsync(http, AgentRoutes.Claim, new ClaimRequest { Claim = Guid.NewGuid(), FreeSlots = 4 }, Json.ClaimRequest, Json.ClaimResponse);
            if (answer.Work.Count > 0)
            {
                return Assert.Single(answer.Work);
            }
        }
    }

    /// <summary>Says how work ended; the answer's status.</summary>
    public async Task<System.Net.HttpStatusCode> ReportAsync(WorkItem work, WorkResult result)
    {
        using var response = await HttpServer.SendAsync(http, AgentRoutes.For(AgentRoutes.Result, work.Id), new ResultRequest { Fence = work.Fence, Result = result }, Json.ResultRequest);
        return response.StatusCode;
    }

    /// <summary>Claims a workflow, makes it, claims its first step and announces its start.</summary>
    public async Task<WorkItem> BeginStepAsync()
    {
        Assert.Equal(System.Net.HttpStatusCode.NoContent, await ReportAsync(await ClaimAsync(), new WorkResult.Ready()));
        var step = await ClaimAsync();
        using var intent = await HttpServer.SendAsync(http, AgentRoutes.For(AgentRoutes.Intent, step.Id), new IntentRequest { Fence = step.Fence }, Json.IntentRequest);
        Assert.Equal(System.Net.HttpStatusCode.NoContent, intent.StatusCode);
        return step;
    }

    /// <summary>Uploads one line as the whole log.</summary>
    public async Task<System.Net.HttpStatusCode> WriteLogAsync(WorkItem step, string line)
    {
        using var log = new UploadedLog(this, step);
        return await log.AddAsync(line, end: true);
    }

    public void Dispose() => http.Dispose();
}
