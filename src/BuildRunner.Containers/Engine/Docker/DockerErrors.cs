using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Docker.DotNet;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>What the engine's API answers, in our words.</summary>
internal static class DockerErrors
{
    /// <summary>Makes a call and turns its failures into ours.</summary>
    /// <param name="endpoint">The engine.</param>
    /// <param name="what">What is being done, to complete "… could not be done".</param>
    /// <param name="call">The call.</param>
    /// <exception cref="ContainerException">The engine refused, or is not there.</exception>
    public static async Task<T> CallAsync<T>(this DockerEndpoint endpoint, string what, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (DockerApiException refused)
        {
            throw Refused(what, refused);
        }
        catch (Exception broken) when (broken is HttpRequestException or SocketException or IOException or TimeoutException)
        {
            throw Unreachable(endpoint, what, broken);
        }
    }

    /// <inheritdoc cref="CallAsync{T}"/>
    public static Task CallAsync(this DockerEndpoint endpoint, string what, Func<Task> call) => endpoint.CallAsync(what, async () =>
    {
        await call();
        return true;
    });

    /// <summary>The engine's own words, out of <c>{"message": …}</c>.</summary>
    public static string MessageOf(DockerApiException refused)
    {
        try
        {
            using var body = JsonDocument.Parse(refused.ResponseBody ?? "");
            return body.RootElement.TryGetProperty("message", out var message) ? message.GetString()?.Trim() ?? "" : refused.ResponseBody ?? "";
        }
        catch (JsonException)
        {
            return (refused.ResponseBody ?? refused.Message).Trim();
        }
    }

    /// <summary>The failure that the engine's words mean.</summary>
    public static ContainerFailure ReasonOf(string message, HttpStatusCode? status = null)
    {
        bool Says(params string[] parts) => parts.Any(p => message.Contains(p, StringComparison.OrdinalIgnoreCase));

        return status switch
        {
            _ when Says("no space left", "quota exceeded", "too many open files", "cannot allocate memory", "non-overlapping", "all predefined address pools") =>
                ContainerFailure.ResourceExhausted,
            _ when Says("no matching manifest", "manifest unknown", "no such image", "repository does not exist", "name unknown") => ContainerFailure.ImageNotFound,
            _ when Says("unauthorized", "authentication required", "access denied", "access to the resource is denied", "403 Forbidden", "no basic auth") =>
                ContainerFailure.AccessDenied,
            _ when Says("connection refused", "no such host", "i/o timeout", "tls handshake", "network is unreachable", "connection reset",
                "server gave HTTP response", "x509", "Client.Timeout", "502 Bad", "503 Service", "504 Gateway", "pinging container registry", "EOF") =>
                ContainerFailure.RegistryUnavailable,
            _ when Says("not found: manifest", "manifest for") => ContainerFailure.ImageNotFound,
            _ when Says("digest", "unexpected", "invalid tar", "archive/tar") => ContainerFailure.CorruptImage,
            _ when Says("error gathering device information", "not a device", "container create: stat /") => ContainerFailure.InvalidSpec,
            HttpStatusCode.BadRequest => ContainerFailure.InvalidSpec,
            _ => ContainerFailure.Internal,
        };
    }

    /// <summary>The engine cannot be reached.</summary>
    public static ContainerException Unreachable(DockerEndpoint endpoint, string what, Exception cause)
    {
        var error = cause as SocketException ?? cause.InnerException as SocketException;
        var remedy = error?.SocketErrorCode switch
        {
            SocketError.AccessDenied => "this user may not use the socket; join the group 'docker', or use a rootless engine",
            SocketError.AddressNotAvailable or SocketError.ConnectionRefused or SocketError.HostNotFound => "is it running?",
            _ when endpoint.IsSocket && !File.Exists(endpoint.Address.LocalPath) => "there is no such socket; is the engine running?",
            _ => "is it running?",
        };
        return new ContainerException(
            ContainerFailure.EngineUnavailable,
            $"{what} could not be done: the engine at {endpoint} does not answer ({(error ?? cause).Message}); {remedy}",
            isTransient: true,
            cause);
    }

    private static ContainerException Refused(string what, DockerApiException refused)
    {
        var message = MessageOf(refused);
        var reason = refused is DockerImageNotFoundException ? ContainerFailure.ImageNotFound : ReasonOf(message, refused.StatusCode);
        return new ContainerException(
            reason,
            $"{what} could not be done: the engine says: {message}",
            reason is ContainerFailure.ResourceExhausted or ContainerFailure.RegistryUnavailable,
            refused);
    }
}
