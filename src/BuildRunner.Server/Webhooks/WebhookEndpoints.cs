using System.Security.Cryptography;
using System.Threading.RateLimiting;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Api;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Webhooks;

/// <summary>Where webhooks arrive. Limit, read, verify over the raw bytes, store, answer; nothing else happens before the answer.</summary>
internal static class WebhookEndpoints
{
    private const string EventHeader = "X-GitHub-Event";
    private const string DeliveryHeader = "X-GitHub-Delivery";
    private const int MaxName = 100;

    public static void MapWebhooks(this IEndpointRouteBuilder routes)
    {
        routes.MapPost(TriggerRoutes.GitHub, ApiRouting.Plain(GitHubAsync)).AllowAnonymous().ExcludeFromDescription();
        routes.MapPost(TriggerRoutes.Hook, ApiRouting.Plain(HookAsync)).AllowAnonymous().ExcludeFromDescription();
    }

    private static async Task<IResult> GitHubAsync(HttpContext http)
    {
        var (options, login) = (http.RequestServices.GetRequiredService<WebhookOptions>(), http.RequestServices.GetRequiredService<GitHubLogin>());
        var (budget, inbox) = (http.RequestServices.GetRequiredService<BodyBudget>(), http.RequestServices.GetRequiredService<Inbox>());
        if (login.WebhookSecrets.Count == 0)
        {
            return await RefuseAsync(http, InboxService.GitHubSource, StatusCodes.Status404NotFound, ApiProblems.NotFound, "this server takes nothing from GitHub: the setting GitHub:WebhookSecret is not set, and no app was made at the page /github-app");
        }

        using var share = budget.Begin();
        if (await BodyAsync(http, options, share) is not { } body)
        {
            return share.IsSpent ? Busy(http) : await TooLargeAsync(http, InboxService.GitHubSource, options);
        }

        if (GitHubSignature.Verify(http.Request.Headers[GitHubSignature.Header], body.Span, Secrets(login)) is SignatureVerdict.Refused refused)
        {
            return await RefuseAsync(http, InboxService.GitHubSource, StatusCodes.Status401Unauthorized, ApiProblems.SignIn, refused.Message);
        }

        if (!IsJson(http.Request))
        {
            return await RefuseAsync(http, InboxService.GitHubSource, StatusCodes.Status415UnsupportedMediaType, ApiProblems.Request, "set the webhook's content type to application/json");
        }

        var (name, delivery) = (http.Request.Headers[EventHeader], http.Request.Headers[DeliveryHeader]);
        if (!IsName(name.ToString()) || name.Count != 1 || !IsName(delivery.ToString()) || delivery.Count != 1 || delivery.ToString().Contains('/', StringComparison.Ordinal))
        {
            return await RefuseAsync(http, InboxService.GitHubSource, StatusCodes.Status400BadRequest, ApiProblems.Request, $"{EventHeader} and {DeliveryHeader} are needed, once each");
        }

        return await StoreAsync(inbox, InboxService.GitHubSource, delivery.ToString(), name.ToString(), body, http.RequestAborted);
    }

    private static async Task<IResult> HookAsync(HttpContext http)
    {
        var (hook, services) = ((string)http.GetRouteValue("hook")!, http.RequestServices);
        var (options, hooks, limits) = (services.GetRequiredService<WebhookOptions>(), services.GetRequiredService<Hooks>(), services.GetRequiredService<HookLimits>());
        var (budget, inbox, time) = (services.GetRequiredService<BodyBudget>(), services.GetRequiredService<Inbox>(), services.GetRequiredService<TimeProvider>());
        if (!IsName(hook) || await hooks.FindAsync(hook, http.RequestAborted) is not { Secret: not null } row)
        {
            return Problem(StatusCodes.Status404NotFound, ApiProblems.NotFound, "there is no such endpoint");
        }

        var (settings, source) = (Hooks.SettingsOf(row), HookDeliveries.SourceOf(row.Name));
        using var share = budget.Begin();
        if (await BodyAsync(http, options, share) is not { } body)
        {
            return share.IsSpent ? Busy(http) : await TooLargeAsync(http, source, options);
        }

        var verdict = Verify(settings.Scheme, http.Request.Headers, body.Span, hooks.SecretsOf(row), options, time);
        if (verdict is not SignatureVerdict.Genuine genuine)
        {
            return await RefuseAsync(http, source, StatusCodes.Status401Unauthorized, ApiProblems.SignIn, ((SignatureVerdict.Refused)verdict).Message);
        }

        if (!row.Enabled)
        {
            return await RefuseAsync(http, source, StatusCodes.Status403Forbidden, ApiProblems.State, "this endpoint is disabled");
        }

        // Only what was signed counts: otherwise anybody who knows the address could use up what the sender may send.
        if (!limits.Take(row.Id, settings.PerMinute))
        {
            http.Response.Headers.RetryAfter = "60";
            return await RefuseAsync(http, source, StatusCodes.Status429TooManyRequests, ApiProblems.TooMany, $"this endpoint takes {settings.PerMinute} deliveries a minute");
        }

        await hooks.TouchAsync(row.Id, http.RequestAborted);
        return await StoreAsync(inbox, source, IdOf(genuine, http.Request.Headers), "", body, http.RequestAborted);
    }

    private static SignatureVerdict Verify(
        string scheme, IHeaderDictionary headers, ReadOnlySpan<byte> body, IReadOnlyList<WebhookSecret> secrets, WebhookOptions options, TimeProvider time)
    {
        return scheme switch
        {
            "github" => GitHubSignature.Verify(headers[GitHubSignature.Header], body, secrets),
            "token" => WeakToken.Verify(headers, "X-Webhook-Token", secrets),
            _ => StandardWebhookSignature.Verify(headers, body, secrets, time.GetUtcNow(), options.ReplayWindow),
        };
    }

    // Only the standard scheme signs its id. The others' is taken as it is said; who says none means a new event each time.
    private static string IdOf(SignatureVerdict.Genuine genuine, IHeaderDictionary headers) =>
        genuine.Id
        ?? (headers[DeliveryHeader] is [{ } said] && IsName(said) ? said : Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));

    private static async Task<IResult> StoreAsync(Inbox inbox, string source, string delivery, string name, ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        var fresh = await inbox.PutAsync(source, delivery, name, body.ToArray(), stop);
        if (!fresh)
        {
            ServerMeter.Delivery("repeated");
        }

        return TypedResults.Text(fresh ? "accepted\n" : "accepted before\n", statusCode: StatusCodes.Status202Accepted);
    }

    private static async Task<ReadOnlyMemory<byte>?> BodyAsync(HttpContext http, WebhookOptions options, BodyBudget.Share share)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            // Ours is the limit; the sender of too much shall read the answer, not a connection that breaks.
            size.MaxRequestBodySize = null;
        }

        return await LimitedBody.ReadAsync(http.Request.Body, http.Request.ContentLength, options.MaxBody, share, http.RequestAborted);
    }

    private static List<WebhookSecret> Secrets(GitHubLogin login) =>
        [.. login.WebhookSecrets.Select(text => WebhookSecret.TryParse(text, out var secret, out _) ? secret : null).OfType<WebhookSecret>()];

    private static bool IsJson(HttpRequest request) => request.ContentType?.Split(';')[0].Trim().Equals("application/json", StringComparison.OrdinalIgnoreCase) == true;

    private static bool IsName(string text) => text.Length is > 0 and <= MaxName && text.All(c => c is > ' ' and < (char)127);

    private static Task<ProblemHttpResult> TooLargeAsync(HttpContext http, string source, WebhookOptions options) =>
        RefuseAsync(http, source, StatusCodes.Status413PayloadTooLarge, ApiProblems.Request, $"a delivery is at most {options.MaxBody} bytes (setting Webhooks:MaxBody)");

    private static ProblemHttpResult Busy(HttpContext http)
    {
        http.Response.Headers.RetryAfter = "5";
        return Problem(StatusCodes.Status503ServiceUnavailable, ApiProblems.TooMany, "too many large deliveries come at once; send it again");
    }

    // Whoever set it up finds it there: the sender may show nobody what it was answered.
    private static async Task<ProblemHttpResult> RefuseAsync(HttpContext http, string source, int status, string code, string detail)
    {
        await http.RequestServices.GetRequiredService<RefusedDeliveries>().NoteAsync(source, detail, http.RequestAborted);
        return Problem(status, code, detail);
    }

    // Whatever is not stored has come here.
    private static ProblemHttpResult Problem(int status, string code, string detail)
    {
        ServerMeter.Delivery("refused");
        return Api.ApiException.Problem(status, code, detail);
    }
}

/// <summary>How often each endpoint may be called at this server.</summary>
internal sealed class HookLimits : IDisposable
{
    private readonly PartitionedRateLimiter<(Guid Hook, int PerMinute)> limiter = PartitionedRateLimiter.Create<(Guid Hook, int PerMinute), (Guid, int)>(
        call => RateLimitPartition.GetFixedWindowLimiter(call, _ => new FixedWindowRateLimiterOptions { PermitLimit = call.PerMinute, Window = TimeSpan.FromMinutes(1) }));

    /// <summary>Counts one call.</summary>
    /// <returns>False: there were too many.</returns>
    public bool Take(Guid hook, int perMinute)
    {
        using var lease = limiter.AttemptAcquire((hook, perMinute));
        return lease.IsAcquired;
    }

    public void Dispose() => limiter.Dispose();
}
