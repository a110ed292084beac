using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.Json;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Registry;

/// <summary>Turns what went wrong with a registry into an error for the person who must act.</summary>
internal static class RegistryErrors
{
    // An error's body is shown, not trusted.
    private const int LongestDetail = 200;

    /// <summary>The registry was not reached, or the connection broke.</summary>
    public static ContainerException NoAnswer(string host, string subject, Exception exception)
    {
        var socket = exception as SocketException ?? exception.InnerException as SocketException;
        var (what, remedy, transient) = (exception, socket?.SocketErrorCode) switch
        {
            (HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError }, not SocketError.TryAgain) or (_, SocketError.HostNotFound) =>
                ("no host of that name is known", "Check the spelling, and this machine's DNS.", false),
            (_, SocketError.ConnectionRefused) => ("it refuses connections", "Is the registry running, and the port right?", true),
            (HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError }, _) or (AuthenticationException, _) =>
                (Deepest(exception),
                $"If it has a certificate of a private authority, put that into /etc/containers/certs.d/{host}/ca.crt; if it speaks plain HTTP, list it in Images:Insecure.", false),
            (OperationCanceledException or TimeoutException, _) => ("it did not answer in time", "Check the network and proxy settings, or try again later.", true),
            _ => (Deepest(exception), "Check the network and proxy settings, or try again later.", true),
        };
        return new ContainerException(
            ContainerFailure.RegistryUnavailable, $"The registry {host} could not be reached for {subject}: {what.TrimEnd('.')}. {remedy}", transient, exception);
    }

    /// <summary>The registry answered with something other than success.</summary>
    /// <param name="host">The registry.</param>
    /// <param name="subject">What was asked for: "the image alpine:3".</param>
    /// <param name="credentials">What was sent along; null if nothing.</param>
    /// <param name="status">The status.</param>
    /// <param name="detail">The body's own words, or null.</param>
    /// <param name="problem">Why no credentials were found, or null.</param>
    public static ContainerException Refused(string host, string subject, RegistryCredentials? credentials, HttpStatusCode status, string? detail, string? problem = null)
    {
        var words = detail is null ? "" : $" It says: {detail}.";
        var login = $"docker login {host}";
        return status switch
        {
            HttpStatusCode.NotFound => new ContainerException(
                ContainerFailure.ImageNotFound,
                $"The registry {host} does not have {subject}. Check name and tag; a private image may stay invisible until you log in ({login})."),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden when credentials is null => new ContainerException(
                ContainerFailure.AccessDenied,
                $"The registry {host} does not give {subject} to strangers: it is private, or does not exist.{words} {(problem is null ? "" : $"No credentials were found, because {problem}. ")}Log in with: {login}"),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => new ContainerException(
                ContainerFailure.AccessDenied,
                $"The registry {host} refuses {subject} to {credentials}: the credentials are wrong, lack the right, or it does not exist.{words} Log in anew with: {login}"),
            HttpStatusCode.TooManyRequests => new ContainerException(
                ContainerFailure.RegistryUnavailable,
                $"The registry {host} has had too many requests from here and gives {subject} only later.{words} Wait, log in ({login}), or use a mirror (Images:Mirrors).", true),
            HttpStatusCode.RequestEntityTooLarge => new ContainerException(
                ContainerFailure.RegistryUnavailable,
                $"The registry {host}, or a proxy before it, does not take as many bytes at once as {subject} was sent in.{words} Ask whoever runs it to raise its limit to 32 MiB."),
            _ => new ContainerException(
                ContainerFailure.RegistryUnavailable,
                $"The registry {host} answered {(int)status} {status} for {subject}.{words} Try again later, or ask whoever runs it.", (int)status >= 500),
        };
    }

    /// <summary>What came breaks a rule of the protocol, or a bound.</summary>
    public static ContainerException Hostile(string host, string subject, string what) =>
        new(ContainerFailure.CorruptImage, $"The registry {host} broke the rules with {subject}: {what}.");

    /// <summary>The first message of an error body (distribution specification, "Error Codes"), made fit to show.</summary>
    public static string? DetailOf(ReadOnlySpan<byte> body)
    {
        try
        {
            var errors = JsonSerializer.Deserialize(body, RegistryJson.Default.ErrorsJson)?.Errors;
            var first = errors is [var only, ..] ? only : null;
            var text = string.Concat((first?.Message ?? first?.Code ?? "").Where(c => !char.IsControl(c)));
            return text.Length == 0 ? null : text.Length > LongestDetail ? text[..LongestDetail] + "…" : text;
        }
        catch (JsonException)
        {
            // Not every server in the way speaks the protocol; its status says enough.
            return null;
        }
    }

    private static string Deepest(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = inner;
        }

        return exception.Message;
    }
}
