using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Bus;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Schedules;
using BuildRunner.Server.Secrets;
using BuildRunner.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Tests.Api;

/// <summary>A whole server on a free port of the loopback interface.</summary>
internal sealed class HttpServer : IAsyncDisposable
{
    private readonly TestFolder folder = TestFolder.Create();
    private WebApplication? app;

    public HttpClient Http { get; private set; } = new();

    /// <summary>What seals its secrets.</summary>
    public MasterKey Key { get; } = MasterKey.Generate();

    /// <summary>Where everything is that it keeps.</summary>
    public string DataDirectory => folder["data"];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Starts one.</summary>
    /// <param name="change">Changes its options.</param>
    /// <param name="time">Its clock; null: the real one.</param>
    /// <param name="logs">What it tells about itself goes there; null: nowhere.</param>
    public static async Task<HttpServer> StartAsync(Func<ServerOptions, ServerOptions>? change = null, TimeProvider? time = null, ILoggerProvider? logs = null)
    {
        var server = new HttpServer();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        if (logs is not null)
        {
            builder.Logging.AddProvider(logs);
        }

        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var options = new ServerOptions
        {
            DataDirectory = server.folder["data"],
            Keys = new KeyRing(server.Key, []),
            Bus = new BusNames("test", Alone: true),
            Schedules = new ScheduleOptions { Enabled = false },
            Dispatch = new DispatchOptions { Times = new AgentTimes { ClaimWait = TimeSpan.FromMilliseconds(20) } },
        };
        builder.Services.AddSingleton(time ?? TimeProvider.System);
        builder.Services.AddBuildRunnerServer(change?.Invoke(options) ?? options);
        server.app = builder.Build();
        server.app.UseBuildRunnerServer();
        server.app.MapBuildRunnerServer();
        server.app.MapGet("/forgotten", () => "an endpoint that says nothing of who may call it");
        await server.app.StartAsync(Cancel);
        server.Http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(server.app.Urls.First()) };
        return server;
    }

    public T Get<T>()
        where T : notnull => app!.Services.GetRequiredService<T>();

    public async Task<string> RegistrationTokenAsync() => await Get<AgentRegistry>().CreateTokenAsync(new Dictionary<string, string>(), TimeSpan.FromHours(1), Cancel);

    public async Task<string> ApiTokenAsync(params string[] scopes) => (await Get<ApiTokens>().CreateAsync("test", scopes, null, "test", Cancel)).Token;

    /// <summary>A client that is a registered agent.</summary>
    public async Task<HttpClient> AgentAsync(string name = "a")
    {
        var request = new RegisterRequest { Token = await RegistrationTokenAsync(), Name = name };
        var registered = await PostAsync(Http, AgentRoutes.Register, request, AgentContractJson.Default.RegisterRequest, AgentContractJson.Default.RegisterResponse);
        var client = With(registered.Credential);
        var hello = new HelloRequest { Version = "0.1.0", Session = Guid.NewGuid(), Slots = 4, Facts = new Dictionary<string, string>() };
        await PostAsync(client, AgentRoutes.Hello, hello, AgentContractJson.Default.HelloRequest, AgentContractJson.Default.HelloResponse);
        return client;
    }

    /// <summary>A client with a token.</summary>
    public HttpClient With(string token)
    {
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = Http.BaseAddress };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return client;
    }

    public static async Task<TAnswer> PostAsync<TRequest, TAnswer>(HttpClient client, string route, TRequest request, JsonTypeInfo<TRequest> type, JsonTypeInfo<TAnswer> answer)
    {
        using var response = await SendAsync(client, route, request, type);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonSerializer.Deserialize(await response.Content.ReadAsStringAsync(Cancel), answer)!;
    }

    public static async Task<HttpResponseMessage> SendAsync<TRequest>(HttpClient client, string route, TRequest request, JsonTypeInfo<TRequest> type)
    {
        using var content = new StringContent(JsonSerializer.Serialize(request, type), Encoding.UTF8, "application/json");
        return await client.PostAsync(route, content, Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (app is not null)
        {
            await app.DisposeAsync();
        }

        folder.Dispose();
    }
}
