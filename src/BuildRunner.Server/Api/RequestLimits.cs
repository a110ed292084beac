using System.Globalization;
using System.Net;
using System.Security.Claims;
using System.Threading.RateLimiting;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Api;

/// <summary>How often somebody may call. Agents are not counted: they call as often as there is work.</summary>
internal static class RequestLimits
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(100);

    /// <summary>For those who are signed in: bursts of thousands, as when a thousand triggers arrive at once.</summary>
    private static readonly TokenBucketRateLimiterOptions Known = new() { TokenLimit = 5_000, TokensPerPeriod = 50, ReplenishmentPeriod = Every, QueueLimit = 0 };

    /// <summary>For those who are not, by their address: guessing tokens leads nowhere anyway, but it should not cost much either.</summary>
    private static readonly TokenBucketRateLimiterOptions Unknown = new() { TokenLimit = 300, TokensPerPeriod = 2, ReplenishmentPeriod = Every, QueueLimit = 0 };

    // Where somebody who is nobody makes the database work; the paths of agents are there for those that have yet to register.
    private static readonly string[] Counted = ["/api", "/login", "/logout", "/agent", "/badge"];

    /// <summary>For webhooks, by the sender's address, before anything is read of them: a thousand in ten seconds pass, ten thousand do not.</summary>
    private static readonly TokenBucketRateLimiterOptions Hooks = new() { TokenLimit = 5_000, TokensPerPeriod = 20, ReplenishmentPeriod = Every, QueueLimit = 0 };

    private static readonly string[] Followed = ["/events", "/follow", "/live"];
    private static readonly ConcurrencyLimiterOptions KnownStreams = new() { PermitLimit = 500, QueueLimit = 0 };
    private static readonly ConcurrencyLimiterOptions UnknownStreams = new() { PermitLimit = 50, QueueLimit = 0 };

    /// <summary>Adds the limits; <c>UseRateLimiter</c> comes after authentication.</summary>
    public static IServiceCollection AddRequestLimits(this IServiceCollection services) => services.AddRateLimiter(limiter =>
    {
        limiter.GlobalLimiter = PartitionedRateLimiter.CreateChained(PartitionedRateLimiter.Create<HttpContext, string>(Partition), PartitionedRateLimiter.Create<HttpContext, string>(Streams));
        limiter.OnRejected = RefuseAsync;
    });

    private static RateLimitPartition<string> Partition(HttpContext http)
    {
        if (http.Request.Path.StartsWithSegments("/hooks", StringComparison.OrdinalIgnoreCase))
        {
            return RateLimitPartition.GetTokenBucketLimiter("hooks " + AddressOf(http), _ => Hooks);
        }

        if (!Counted.Any(path => http.Request.Path.StartsWithSegments(path, StringComparison.OrdinalIgnoreCase)) || http.User.HasClaim(c => c.Type == TokenAuthentication.AgentClaim))
        {
            return RateLimitPartition.GetNoLimiter("");
        }

        return NameOf(http) is { } name
            ? RateLimitPartition.GetTokenBucketLimiter("name " + name, _ => Known)
            : RateLimitPartition.GetTokenBucketLimiter("address " + AddressOf(http), _ => Unknown);
    }

    // Each stream looks at the database by itself, for as long as somebody listens.
    private static RateLimitPartition<string> Streams(HttpContext http)
    {
        if ((http.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText is not { } route || !Followed.Any(end => route.EndsWith(end, StringComparison.Ordinal)))
        {
            return RateLimitPartition.GetNoLimiter("");
        }

        return NameOf(http) is { } name
            ? RateLimitPartition.GetConcurrencyLimiter("name " + name, _ => KnownStreams)
            : RateLimitPartition.GetConcurrencyLimiter("address " + AddressOf(http), _ => UnknownStreams);
    }

    // Null: nobody is signed in. A cookie that is none of ours makes nobody somebody.
    private static string? NameOf(HttpContext http) =>
        http.User.FindFirstValue(ClaimTypes.Name) is { } name && name != TokenAuthentication.Anybody ? name : null;

    private static IPAddress AddressOf(HttpContext http) => http.Connection.RemoteIpAddress ?? IPAddress.None;

    private static async ValueTask RefuseAsync(OnRejectedContext context, CancellationToken cancellationToken)
    {
        context.HttpContext.Response.Headers.RetryAfter = 1.ToString(CultureInfo.InvariantCulture);
        await ApiException.Problem(StatusCodes.Status429TooManyRequests, ApiProblems.TooMany, "this is too often; wait as long as Retry-After says").ExecuteAsync(context.HttpContext);
    }
}
