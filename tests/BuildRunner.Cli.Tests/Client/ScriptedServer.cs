using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BuildRunner.Core.ApiContract;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Cli.Tests.Client;

/// <summary>An HTTP server on a free port of the loopback interface that answers as it is told, and keeps what it was asked.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    /// <summary>The token that it takes.</summary>
    public const string Token = "brt_secret";

    private readonly WebApplication app;
    private readonly ConcurrentDictionary<string, Func<HttpContext, Task>> answers = new(StringComparer.Ordinal);

    private ScriptedServer(WebApplication app) => this.app = app;

    public string Url => app.Urls.First();

    /// <summary>What is answered to whoever sends no token; null: as BuildRunner does.</summary>
    public Func<HttpContext, Task>? Unsigned { get; set; }

    /// <summary>What was asked: method, path with query, body.</summary>
    public ConcurrentQueue<(string Method, string Path, string Body)> Asked { get; } = [];

    public static async Task<ScriptedServer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var server = new ScriptedServer(app);
        app.Run(server.AnswerAsync);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return server;
    }

    /// <summary>Answers a path with a record of the contract.</summary>
    public void On<T>(string method, string path, T answer, JsonTypeInfo<T> type, int status = 200) =>
        On(method, path, http => WriteAsync(http, status, "application/json", JsonSerializer.Serialize(answer, type)));

    /// <summary>Answers a path with problem details.</summary>
    public void Refuse(string method, string path, int status, string code, string detail) =>
        On(method, path, http => WriteAsync(http, status, "application/problem+json", JsonSerializer.Serialize(new ApiProblem { Status = status, Code = code, Detail = detail }, ApiJson.Default.ApiProblem)));

    /// <summary>Answers a path.</summary>
    public void On(string method, string path, Func<HttpContext, Task> answer) => answers[$"{method} {path}"] = answer;

    public static Task WriteAsync(HttpContext http, int status, string type, string body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = type;
        return http.Response.WriteAsync(body, http.RequestAborted);
    }

    /// <summary>One event of a stream.</summary>
    public static async Task EventAsync(HttpContext http, string name, string data, long? id = null)
    {
        if (!http.Response.HasStarted)
        {
            http.Response.ContentType = "text/event-stream";
        }

        await http.Response.WriteAsync($"{(id is { } number ? $"id: {number}\n" : "")}event: {name}\ndata: {data}\n\n", http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
        var path = http.Request.Path + http.Request.QueryString;
        Asked.Enqueue((http.Request.Method, path, await reader.ReadToEndAsync(http.RequestAborted)));
        if (Unsigned is { } unsigned && http.Request.Headers.Authorization.Count == 0)
        {
            await unsigned(http);
        }
        else if (http.Request.Headers.Authorization != $"Bearer {Token}" && http.Request.Path != ApiRoutes.RedeemLink)
        {
            await WriteAsync(http, 401, "application/problem+json", """{"status":401,"code":"sign_in","detail":"nobody is signed in"}""");
        }
        else if (answers.TryGetValue($"{http.Request.Method} {path}", out var answer) || answers.TryGetValue($"{http.Request.Method} {http.Request.Path}", out answer))
        {
            await answer(http);
        }
        else
        {
            await WriteAsync(http, 404, "application/problem+json", """{"status":404,"code":"not_found","detail":"there is no such thing"}""");
        }
    }
}
