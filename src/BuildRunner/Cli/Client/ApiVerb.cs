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
                await CopyAsync(answer, call, isJson: response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) == true);
            }

            return await CodeOfAsync(call, response);
        }, method, path, body);
    }

    // As it is; but JSON, which ends in no line feed, gets one, so that a prompt or the next answer does not stand behind it.
    private static async Task CopyAsync(Stream answer, ClientCall call, bool isJson)
    {
        var (buffer, last) = (new byte[64 * 1024], (byte)'\n');
        while (await answer.ReadAsync(buffer, call.Stop) is > 0 and var count)
        {
            await call.Host.Output.WriteAsync(buffer.AsMemory(0, count), call.Stop);
            last = buffer[count - 1];
        }

        if (isJson && last != '\n')
        {
            await call.Host.Output.WriteAsync("\n"u8.ToArray(), call.Stop);
        }
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
            throw new CliException(ExitCode.Usage, $"--body {given}: {FileTrouble.Of(e)}");
        }
    }
}
