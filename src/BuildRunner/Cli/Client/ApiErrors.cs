using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Text.Json;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary>From the API's problem details to a message and an exit code.</summary>
internal static class ApiErrors
{
    private const int MostText = 300;

    /// <summary>What the user is told.</summary>
    public static async Task<CliException> OfAsync(HttpResponseMessage response, ServerAddress server, CancellationToken stop)
    {
        var problem = await ReadAsync(response, stop);
        var said = problem?.Detail is { Length: > 0 } detail ? detail : problem?.Title;
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized => new(ExitCode.NotAllowed, server.Token is null
                ? $"not logged in to {server.Url}: buildrunner login {server.Url}"
                : server.TokenFrom is { } variable ? $"{server.Url} does not take the token of {variable}: it is another server's, or has ended"
                : server.TokenIsNew ? $"{server.Url} does not know this token: it is mistyped, another server's, or has ended; 'buildrunner token create' makes one, on the server's own machine 'buildrunner server token'"
                : $"the login to {server.Url} is not valid any more: buildrunner login {server.Url}"),
            HttpStatusCode.Forbidden => new(ExitCode.NotAllowed, said ?? "this token may not do that"),
            HttpStatusCode.TooManyRequests => new(ExitCode.Unreachable, $"{said ?? "too many requests"}{Again(response)}"),
            >= HttpStatusCode.InternalServerError => new(ExitCode.Unreachable, $"the server cannot do it now ({(int)response.StatusCode}): {said ?? "it does not say why"}"),
            >= HttpStatusCode.BadRequest => new(ExitCode.Usage, said ?? $"the server refused it ({(int)response.StatusCode})"),
            _ => new(ExitCode.Unreachable, $"{server.Url} answered with {(int)response.StatusCode}{Elsewhere(response)}; give the address at which BuildRunner itself answers"),
        };
    }

    /// <summary>The API's own form of an error; null: something else answered.</summary>
    public static async Task<ApiProblem?> ReadAsync(HttpResponseMessage response, CancellationToken stop)
    {
        if (response.Content.Headers.ContentType?.MediaType is not ("application/problem+json" or "application/json"))
        {
            return null;
        }

        try
        {
            var problem = JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(stop), ApiJson.Default.ApiProblem);
            return problem is null ? null : problem with { Title = Shown(problem.Title), Detail = Shown(problem.Detail) };
        }
        catch (JsonException)
        {
            // Something between here and the server answered; its status has to do.
            return null;
        }
    }

    // It quotes what others have written, an input's value for example: a terminal acts on none of it.
    [return: NotNullIfNotNull(nameof(text))]
    private static string? Shown(string? text) => text is null ? null : RunText.Safe(text.Length > MostText ? text[..MostText] + "…" : text);

    private static string Again(HttpResponseMessage response) =>
        response.Headers.RetryAfter?.Delta is { } delay ? $"; try again in {delay.TotalSeconds:0} s" : "; try again later";

    private static string Elsewhere(HttpResponseMessage response) => response.Headers.Location is { } there ? $" (see {there})" : "";
}
