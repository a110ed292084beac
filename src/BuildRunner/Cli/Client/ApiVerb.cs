using System.CommandLine;
using System.Net.Http.Headers;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary><c>api METHOD PATH</c>: any call, with the login.</summary>
internal static class ApiVerb
{
    public static Command Create(ClientScope scope)
    {
        var method = new Argument<string>("METHOD") { Description = "GET, POST, PATCH, PUT or DELETE" };
        var path = new Argument<string>("PATH") { Description = $"below {ApiRoutes.Prefix}, or from /api on: repos, /api/openapi.json" };
        var body = new Option<string?>("--body") { Description = "JSON to send; - is standard input, @FILE a file", HelpName = "JSON" };
        return scope.Verb("api", "call the API with your login; prints what it answers", async call =>
        {
            using var request = new HttpRequestMessage(MethodOf(call.Get(method)!), ApiClient.Relative(PathOf(call.Get(path)!)));
            if (call.Get(body) is { } given)
            {
                request.Content = new ByteArrayContent(await BodyAsync(call, given)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
            }

            using var response = await call.Api.RawAsync(request, whole: false, call.Stop);
            await using (var answer = await response.Content.ReadAsStreamAsync(call.Stop))
            {
                await answer.CopyToAsync(call.Host.Output, call.Stop);
            }

            return await CodeOfAsync(call, response);
        }, method, path, body);
    }

    // The body is on standard output already; the message says what it means.
    private static async Task<ExitCode> CodeOfAsync(ClientCall call, HttpResponseMessage response)
    {
        if (response.IsSuccessStatusCode)
        {
            return ExitCode.Success;
        }

        using var status = new HttpResponseMessage(response.StatusCode) { ReasonPhrase = response.ReasonPhrase, Content = new ByteArrayContent([]) };
        call.Host.Say($"buildrunner: the server answered {(int)response.StatusCode} {response.ReasonPhrase}\n");
        try
        {
            await call.Api.CheckAsync(status, call.Stop);
            return ExitCode.Success;
        }
        catch (CliException e)
        {
            return e.Code;
        }
    }

    private static HttpMethod MethodOf(string text) => text.ToUpperInvariant() is "GET" or "POST" or "PATCH" or "PUT" or "DELETE"
        ? HttpMethod.Parse(text.ToUpperInvariant())
        : throw new CliException(ExitCode.Usage, $"'{text}' is not a method; take GET, POST, PATCH, PUT or DELETE");

    private static string PathOf(string text) => text.StartsWith("/api/", StringComparison.Ordinal) ? text
        : text.Contains("://", StringComparison.Ordinal) ? throw new CliException(ExitCode.Usage, "the path goes below the server's own address; name the server with --server")
        : $"{ApiRoutes.Prefix}/{text.TrimStart('/')}";

    private static async Task<byte[]> BodyAsync(ClientCall call, string given)
    {
        if (given is not ("-" or ['@', ..]))
        {
            return System.Text.Encoding.UTF8.GetBytes(given);
        }

        try
        {
            using var buffer = new MemoryStream();
            await using var source = given == "-" ? call.Host.Input : File.OpenRead(Path.GetFullPath(given[1..], call.Host.Directory));
            await source.CopyToAsync(buffer, call.Stop);
            return buffer.ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Usage, $"--body {given}: {e.Message}");
        }
    }
}
