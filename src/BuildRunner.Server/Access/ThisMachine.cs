using System.Net;
using Microsoft.AspNetCore.Http;

namespace BuildRunner.Server.Access;

/// <summary>Whether a request was made on this machine by somebody who meant it, where nobody has to sign in (<c>Auth:Mode</c> <c>None</c>).</summary>
/// <remarks>A page of another site, which somebody's browser on this machine shows, can send requests here as well. It cannot hide where it is from, nor call this machine by a name of its
/// own without saying that name.</remarks>
internal static class ThisMachine
{
    // What proxies add: one on this machine would make everybody whom it serves somebody on this machine.
    private static readonly string[] Forwarding = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via"];

    /// <summary>Judges a request.</summary>
    public static bool Sent(HttpContext http)
    {
        var request = http.Request;
        return http.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from)
            && IsName(request.Host.Host)
            && !Forwarding.Any(request.Headers.ContainsKey)
            && (request.Headers["Sec-Fetch-Site"].ToString() is "" or "same-origin" or "none" || IsLink(request))
            && (request.Headers.Origin.ToString() is not { Length: > 0 } origin || origin == $"{request.Scheme}://{request.Host}");
    }

    /// <summary>Whether a host is this machine by its own names alone.</summary>
    public static bool IsName(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    // Links from elsewhere lead to pages; what they show, the other site cannot read.
    private static bool IsLink(HttpRequest request) => HttpMethods.IsGet(request.Method) && request.Headers["Sec-Fetch-Mode"] == "navigate" && request.Headers["Sec-Fetch-Dest"] == "document";
}
