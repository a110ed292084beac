using System.Globalization;
using System.Security.Claims;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Access;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Api;

/// <summary>The agent contract over HTTP (<see cref="AgentRoutes"/>). Endpoints unpack, call and answer.</summary>
internal static class AgentApi
{
    public const string Policy = "agent";

    private const int MaxBody = 4 * 1024 * 1024;
    private static readonly AgentContractJson Json = AgentContractJson.Default;

    public static void MapAgentApi(this IEndpointRouteBuilder routes)
    {
        Post(routes, AgentRoutes.Register, j => j.RegisterRequest, RegisterAsync).AllowAnonymous().ExcludeFromDescription();
        var agent = routes.MapGroup("").RequireAuthorization(Policy).ExcludeFromDescription();
        Post(agent, AgentRoutes.Hello, j => j.HelloRequest, HelloAsync);
        Post(agent, AgentRoutes.Claim, j => j.ClaimRequest, async (call, request) =>
            TypedResults.Json(await call.Get<Claims>().ClaimAsync(call.Agent, request, call.Stop), Json.ClaimResponse));
        Post(agent, AgentRoutes.Heartbeat, j => j.HeartbeatRequest, async (call, request) =>
        {
            var answer = await call.Get<Leases>().RenewAsync(call.Agent, request, call.Stop);
            ServerMeter.Pulls(request.Pulls);
            ServerMeter.MadeAhead(request.Ahead);
            return TypedResults.Json(answer, Json.HeartbeatResponse);
        });
        Post(agent, AgentRoutes.Goodbye, j => j.GoodbyeRequest, async (call, request) =>
        {
            await call.Get<AgentRegistry>().GoodbyeAsync(call.Agent, request, call.Stop);
            return TypedResults.NoContent();
        });
        Post(agent, AgentRoutes.Intent, j => j.IntentRequest, (call, request) => AnswerAsync(call.Get<Reports>().IntentAsync(call.Agent, call.Work, request, call.Stop)));
        Post(agent, AgentRoutes.Result, j => j.ResultRequest, (call, request) => AnswerAsync(call.Get<Reports>().ResultAsync(call.Agent, call.Work, request, call.Stop)));
        Post(agent, AgentRoutes.Return, j => j.ReturnRequest, (call, request) => AnswerAsync(call.Get<Reports>().ReturnAsync(call.Agent, call.Work, request, call.Stop)));
        Post(agent, AgentRoutes.Service, j => j.ServiceRequest, (call, request) => AnswerAsync(call.Get<Reports>().ServiceAsync(call.Agent, call.Work, request, call.Stop)));
        Post(agent, AgentRoutes.Resume, j => j.ResumeRequest, async (call, request) =>
        {
            var (workflow, refusal) = await call.Get<Resumptions>().ResumeAsync(call.Agent, call.Work, request, call.Stop);
            return workflow is not null ? TypedResults.Json(workflow, Json.ResumeResponse) : await AnswerAsync(Task.FromResult(refusal));
        });
        Post(agent, AgentRoutes.WorkflowLost, j => j.WorkflowLostRequest, (call, request) =>
            AnswerAsync(call.Get<Reports>().WorkflowLostAsync(call.Agent, call.Work, request, call.Stop)));
        agent.MapPut(AgentRoutes.Log, ApiRouting.Plain(LogAsync));
    }

    // Bodies are read by the contract's own rules, whatever the host has set for others; how is looked up at the first call, because all at once would be a good part of a start.
    private static IEndpointConventionBuilder Post<T>(IEndpointRouteBuilder routes, string route, Func<AgentContractJson, JsonTypeInfo<T>> type, Func<AgentCall, T, Task<IResult>> answer) =>
        routes.MapPost(route, ApiRouting.Plain(http =>
        {
            if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            {
                size.MaxRequestBodySize = MaxBody;
            }

            return AnswerAsync(http, type(Json), answer);
        }));

    private static async Task<IResult> AnswerAsync<T>(HttpContext http, JsonTypeInfo<T> type, Func<AgentCall, T, Task<IResult>> answer)
    {
        try
        {
            return await JsonSerializer.DeserializeAsync(http.Request.Body, type, http.RequestAborted) is { } request
                ? await answer(new AgentCall(http), request)
                : Problem(StatusCodes.Status400BadRequest, "request", "the body is null");
        }
        catch (JsonException e)
        {
            return Problem(StatusCodes.Status400BadRequest, "request", $"the body is not what the contract says: {e.Message}");
        }
    }

    private static async Task<IResult> RegisterAsync(AgentCall call, RegisterRequest request)
    {
        if (request.Name is not { Length: > 0 and <= 64 } || !request.Name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'))
        {
            return Problem(StatusCodes.Status400BadRequest, AgentProblems.Token, "an agent's name is 1 to 64 letters, digits, dots, dashes and underscores");
        }

        return await call.Get<AgentRegistry>().RegisterAsync(request, call.Stop) is { } registered
            ? TypedResults.Json(registered, Json.RegisterResponse)
            : Problem(StatusCodes.Status403Forbidden, AgentProblems.Token, "this registration token is unknown, used or expired; make a new one with: buildrunner agent token");
    }

    private static async Task<IResult> HelloAsync(AgentCall call, HelloRequest request) =>
        AgentVersions.WhyNot(request.Version, AgentVersions.Server) is { } why
            ? Problem(StatusCodes.Status426UpgradeRequired, AgentProblems.Version, why)
            : TypedResults.Json(await call.Get<AgentRegistry>().GreetAsync(call.Agent, request, AgentVersions.Server.ToString(3), call.Stop), Json.HelloResponse);

    private static async Task<IResult> LogAsync(HttpContext http)
    {
        var (call, limits) = (new AgentCall(http), http.RequestServices.GetRequiredService<LogLimits>());
        if (RangeOf(http.Request) is not { } range)
        {
            return Problem(StatusCodes.Status400BadRequest, "request", "stream, fence, offset, sha256, age or drain is not of its form");
        }

        if (await ReadAsync(http.Request, limits.MaxChunk, call.Stop) is not { } bytes)
        {
            return Problem(StatusCodes.Status413PayloadTooLarge, "request", $"one upload is at most {limits.MaxChunk} bytes");
        }

        var (append, refusal) = await call.Get<LogUploads>().AppendAsync(call.Agent, call.Work, range, bytes, call.Stop);
        return append switch
        {
            LogAppend.Stored(var at) => TypedResults.Json(new LogPosition(at, Ended: false), Json.LogPosition),
            LogAppend.Ended(var at) => TypedResults.Json(new LogPosition(at, Ended: true), Json.LogPosition),
            LogAppend.Gap(var at) => TypedResults.Json(new LogPosition(at, Ended: false), Json.LogPosition, statusCode: StatusCodes.Status416RangeNotSatisfiable),
            LogAppend.TooLong(var limit) => Problem(StatusCodes.Status413PayloadTooLarge, "request", string.Create(CultureInfo.InvariantCulture, $"a log is at most {limit} bytes")),
            _ => Problem(StatusCodes.Status409Conflict, refusal!.Code, refusal.Why),
        };
    }

    private static LogRange? RangeOf(HttpRequest request)
    {
        var (stream, sha256) = (request.Query["stream"].FirstOrDefault(), request.Query["sha256"].FirstOrDefault());
        return TryNumber("age", out var age) && TryNumber("drain", out var drain) && TryNumber("fence", out var fence) && TryNumber("offset", out var offset)
            && stream is not null && LogFiles.IsName(stream) && fence is not null && offset is >= 0 && sha256 is null or { Length: 64 }
            ? new LogRange(stream!, fence!.Value, offset!.Value, sha256) { Age = Time(age), Drain = Time(drain) }
            : null;

        bool TryNumber(string name, out long? number)
        {
            var text = request.Query[name].FirstOrDefault();
            var isNumber = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value);
            number = isNumber ? value : null;
            return isNumber || string.IsNullOrEmpty(text);
        }
    }

    // An agent says what it likes: a day is the most that is believed.
    private static TimeSpan? Time(long? milliseconds) => milliseconds is { } told ? TimeSpan.FromMilliseconds(Math.Clamp(told, 0, 86_400_000)) : null;

    private static async Task<ReadOnlyMemory<byte>?> ReadAsync(HttpRequest request, int limit, CancellationToken stop)
    {
        if (request.ContentLength > limit)
        {
            return null;
        }

        var buffer = new byte[limit + 1];
        var read = await request.Body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, stop);
        return read > limit ? null : buffer.AsMemory(0, read);
    }

    private static async Task<IResult> AnswerAsync(Task<Refusal?> call) =>
        await call is { } refusal ? Problem(StatusCodes.Status409Conflict, refusal.Code, refusal.Why) : TypedResults.NoContent();

    private static ProblemHttpResult Problem(int status, string code, string why) =>
        TypedResults.Problem(why, statusCode: status, extensions: new Dictionary<string, object?> { ["code"] = code });
}

/// <summary>One call of an agent. Who it is comes from its credential.</summary>
internal sealed class AgentCall(HttpContext http)
{
    public Guid Agent => Guid.ParseExact(http.User.FindFirstValue(TokenAuthentication.AgentClaim)!, "N");

    /// <summary>The work in the path; one that nobody has if that is no id.</summary>
    public Guid Work => Guid.TryParse(http.Request.RouteValues["id"] as string, out var id) ? id : Guid.Empty;

    public CancellationToken Stop => http.RequestAborted;

    public T Get<T>()
        where T : notnull => http.RequestServices.GetRequiredService<T>();
}
