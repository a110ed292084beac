using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Tests.Forge;

/// <summary>What the front does to a request.</summary>
internal enum Trouble
{
    None,
    BreaksBefore,
    BreaksAfter,
    HangsUpAfter,
    PrimaryLimit,
    SecondaryLimit,
    Unauthorized,
    Forbidden,
}

/// <summary>A request that the front saw.</summary>
internal sealed record Seen(string Method, string Path, string Body, Trouble Trouble);

/// <summary>Stands before the emulator, notes requests, and makes trouble on the wire. Plays commit statuses, which the emulator does not have.</summary>
internal sealed class GitHubFront : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly HttpClient back;

    private GitHubFront(WebApplication app, HttpClient back)
    {
        this.app = app;
        this.back = back;
    }

    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    /// <summary>What the second limit says of when to come again.</summary>
    public string RetryAfter { get; set; } = "7";

    public ConcurrentQueue<Seen> Requests { get; } = new();

    /// <summary>Decides what happens to each request about checks or statuses.</summary>
    public Func<HttpRequest, Trouble> Troubles { get; set; } = _ => Trouble.None;

    public static async Task<GitHubFront> StartAsync(Uri emulator)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1));
        var front = new GitHubFront(builder.Build(), new() { BaseAddress = emulator });
        front.app.Run(front.HandleAsync);
        await front.app.StartAsync();
        front.Address = new(front.app.Urls.Single() + "/");
        return front;
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        back.Dispose();
    }

    private async Task HandleAsync(HttpContext context)
    {
        var request = context.Request;
        var body = await new StreamReader(request.Body, Encoding.UTF8).ReadToEndAsync();
        var aboutChecks = request.Path.Value!.Contains("/check-runs", StringComparison.Ordinal) || request.Path.Value.Contains("/statuses/", StringComparison.Ordinal);
        var trouble = aboutChecks ? Troubles(request) : Trouble.None;
        Requests.Enqueue(new(request.Method, request.Path + request.QueryString, body, trouble));
        switch (trouble)
        {
            case Trouble.BreaksBefore:
                context.Response.StatusCode = 502;
                return;
            case Trouble.PrimaryLimit:
                context.Response.Headers["X-RateLimit-Remaining"] = "0";
                context.Response.Headers["X-RateLimit-Reset"] = "1900000000";
                await SayAsync(context, 403, "API rate limit exceeded for installation ID 100.");
                return;
            case Trouble.SecondaryLimit:
                context.Response.Headers["Retry-After"] = RetryAfter;
                await SayAsync(context, 403, "You have exceeded a secondary rate limit.");
                return;
            case Trouble.Unauthorized:
                await SayAsync(context, 401, "Bad credentials");
                return;
            case Trouble.Forbidden:
                await SayAsync(context, 403, "Resource not accessible by integration");
                return;
        }
        if (request.Path.Value.Contains("/statuses/", StringComparison.Ordinal))
        {
            await SayAsync(context, 201, "made");
            return;
        }
        using var answer = await ForwardAsync(request, body);
        if (trouble == Trouble.HangsUpAfter)
        {
            context.Abort();
            return;
        }
        context.Response.StatusCode = trouble == Trouble.BreaksAfter ? 502 : (int)answer.StatusCode;
        context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
        await context.Response.WriteAsync(trouble == Trouble.BreaksAfter ? "" : await answer.Content.ReadAsStringAsync());
    }

    private async Task<HttpResponseMessage> ForwardAsync(HttpRequest request, string body)
    {
        using var copy = new HttpRequestMessage(new HttpMethod(request.Method), request.Path + request.QueryString.ToString());
        foreach (var name in (string[])["Authorization", "Accept"])
            copy.Headers.TryAddWithoutValidation(name, request.Headers[name].ToString());
        if (body.Length > 0)
            copy.Content = new StringContent(body, Encoding.UTF8, "application/json");
        return await back.SendAsync(copy);
    }

    private static async Task SayAsync(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync($$"""{"id": 1, "message": "{{message}}"}""");
    }
}
