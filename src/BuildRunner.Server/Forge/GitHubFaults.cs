using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Octokit;

namespace BuildRunner.Server.Forge;

/// <summary>What a refusal of GitHub's means. Both of its limits come as 403 or 429, and only headers or words tell them from a missing permission.</summary>
internal static class GitHubFaults
{
    private static readonly TimeSpan Unknown = TimeSpan.FromMinutes(1);

    /// <summary>Whether it is an exception of a request, to be used as a filter.</summary>
    public static bool IsFault(Exception e) => e is ApiException or HttpRequestException or TimeoutException or IOException or TaskCanceledException;

    /// <summary>Translates.</summary>
    /// <param name="e">What was thrown.</param>
    /// <param name="what">What was asked for, as the beginning of a sentence.</param>
    /// <param name="now">The time.</param>
    public static ForgeException Translate(Exception e, string what, DateTimeOffset now)
    {
        if (e is not ApiException api)
            return new(ForgeFault.Unavailable, $"{what}: GitHub did not answer ({e.Message})", e);
        var (status, said) = (api.StatusCode, api.ApiError?.Message is { Length: > 0 } message ? message : api.StatusCode.ToString());
        if (status is HttpStatusCode.Forbidden or HttpStatusCode.TooManyRequests && LimitedUntil(api, said, now) is { } until)
            return new(ForgeFault.Limited, $"{what}: GitHub allows no more requests until {until:HH:mm:ss} UTC", e, until);
        var fault = status switch
        {
            HttpStatusCode.Unauthorized => ForgeFault.Unauthorized,
            HttpStatusCode.Forbidden => ForgeFault.Forbidden,
            HttpStatusCode.NotFound or HttpStatusCode.Gone => ForgeFault.NotFound,
            >= HttpStatusCode.BadRequest and < HttpStatusCode.InternalServerError when status != HttpStatusCode.RequestTimeout => ForgeFault.Refused,
            _ => ForgeFault.Unavailable,
        };
        return new(fault, $"{what}: GitHub says {(int)status}: {said}", e);
    }

    private static DateTimeOffset? LimitedUntil(ApiException e, string said, DateTimeOffset now)
    {
        if (Header(e, "Retry-After") is { } after && RetryConditionHeaderValue.TryParse(after, out var retry))
            return retry.Date ?? (now + retry.Delta);
        if (Header(e, "X-RateLimit-Remaining") == "0" && long.TryParse(Header(e, "X-RateLimit-Reset"), NumberStyles.None, CultureInfo.InvariantCulture, out var reset))
            return DateTimeOffset.FromUnixTimeSeconds(reset).AddSeconds(1);
        var limited = e.StatusCode == HttpStatusCode.TooManyRequests || said.Contains("rate limit", StringComparison.OrdinalIgnoreCase) || said.Contains("abuse", StringComparison.OrdinalIgnoreCase);
        return limited ? now + Unknown : null;
    }

    private static string? Header(ApiException e, string name) =>
        e.HttpResponse?.Headers.FirstOrDefault(header => string.Equals(header.Key, name, StringComparison.OrdinalIgnoreCase)).Value;
}
