using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Cli.Client;

/// <summary>Calls the API of a server. What it answers with an error becomes a <see cref="CliException"/> that says what to do.</summary>
internal sealed class ApiClient : IDisposable
{
    private static readonly TimeSpan ConnectTime = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan AnswerTime = TimeSpan.FromSeconds(100);
    private readonly HttpClient http;
    private readonly ServerAddress server;

    public ApiClient(ServerAddress server)
    {
        this.server = server;
        // No redirects: a token goes nowhere but to the server it is for. Nor is it shown to a proxy on the way to this machine itself.
        http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = ConnectTime, UseCookies = false, UseProxy = !server.Url.IsLoopback })
        {
            BaseAddress = server.Url,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("buildrunner", ProductVersion.Text));
        if (server.Token is { Length: > 0 } token)
        {
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }
    }

    /// <summary>The server's address.</summary>
    public Uri Url => server.Url;

    /// <summary>Reads something.</summary>
    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken stop)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Get, Relative(path)), whole: true, stop);
        return await ReadAsync(response, type, stop);
    }

    /// <summary>Changes something and reads the answer.</summary>
    public async Task<TAnswer> SendAsync<TRequest, TAnswer>(
        HttpMethod method, string path, TRequest body, JsonTypeInfo<TRequest> type, JsonTypeInfo<TAnswer> answer, CancellationToken stop, string? idempotencyKey = null)
    {
        var request = new HttpRequestMessage(method, Relative(path)) { Content = new StringContent(JsonSerializer.Serialize(body, type), Encoding.UTF8, "application/json") };
        if (idempotencyKey is not null)
        {
            request.Headers.Add("Idempotency-Key", idempotencyKey);
        }

        using var response = await SendAsync(request, whole: true, stop);
        return await ReadAsync(response, answer, stop);
    }

    /// <summary>Changes something that needs no words, and reads the answer.</summary>
    public async Task<TAnswer> PostAsync<TAnswer>(string path, JsonTypeInfo<TAnswer> answer, CancellationToken stop)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Post, Relative(path)), whole: true, stop);
        return await ReadAsync(response, answer, stop);
    }

    /// <summary>Removes something.</summary>
    public async Task DeleteAsync(string path, CancellationToken stop)
    {
        using var response = await SendAsync(new HttpRequestMessage(HttpMethod.Delete, Relative(path)), whole: true, stop);
    }

    /// <summary>Opens something long; the caller disposes it.</summary>
    public Task<HttpResponseMessage> OpenAsync(string path, CancellationToken stop, string? lastEventId = null)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, Relative(path));
        if (lastEventId is not null)
        {
            request.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
        }

        return SendAsync(request, whole: false, stop);
    }

    /// <summary>Sends what the caller made, as it is; only what goes wrong on the way is an error.</summary>
    public async Task<HttpResponseMessage> RawAsync(HttpRequestMessage request, bool whole, CancellationToken stop)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(stop);
        time.CancelAfter(AnswerTime);
        try
        {
            using (request)
            {
                return await http.SendAsync(request, whole ? HttpCompletionOption.ResponseContentRead : HttpCompletionOption.ResponseHeadersRead, time.Token);
            }
        }
        catch (HttpRequestException e)
        {
            throw new CliException(ExitCode.Unreachable, $"{server.Url} cannot be reached: {Why(e)}");
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new CliException(ExitCode.Unreachable, $"{server.Url} did not answer within {AnswerTime.TotalSeconds:0} s");
        }
    }

    /// <summary>Looks whether a BuildRunner server answers at this address; no token is sent.</summary>
    /// <exception cref="CliException">None does, or it cannot answer now.</exception>
    public async Task RequireServerAsync(CancellationToken stop)
    {
        using var response = await RawAsync(new HttpRequestMessage(HttpMethod.Get, Relative(ApiRoutes.WhoAmI)), whole: true, stop);
        var problem = await ApiErrors.ReadAsync(response, stop);
        if (response.StatusCode == HttpStatusCode.Unauthorized && problem is { Code: ApiProblems.SignIn })
        {
            return;
        }

        if (response.IsSuccessStatusCode)
        {
            // Where nobody has to sign in, and where anybody may look.
            await ReadAsync(response, ApiJson.Default.WhoAmI, stop);
            return;
        }

        throw (int)response.StatusCode is >= 400 and < 500 and not 429 && problem is not { Code.Length: > 0 }
            ? new CliException(ExitCode.Unreachable, $"what answers at {server.Url} is no BuildRunner server ({(int)response.StatusCode}); give the address at which BuildRunner itself answers")
            : await ApiErrors.OfAsync(response, server, stop);
    }

    /// <summary>Turns an answer's error into what the user is told.</summary>
    public async Task CheckAsync(HttpResponseMessage response, CancellationToken stop)
    {
        if (!response.IsSuccessStatusCode)
        {
            throw await ApiErrors.OfAsync(response, server, stop);
        }
    }

    public void Dispose() => http.Dispose();

    /// <summary>A path of the contract below the server's own.</summary>
    public static string Relative(string path) => path.TrimStart('/');

    private async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, bool whole, CancellationToken stop)
    {
        var response = await RawAsync(request, whole, stop);
        try
        {
            await CheckAsync(response, stop);
            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken stop)
    {
        try
        {
            return JsonSerializer.Deserialize(await response.Content.ReadAsByteArrayAsync(stop), type)
                ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new CliException(ExitCode.Unreachable, $"{server.Url} answered something that this version does not understand ({e.Message}); is it a BuildRunner server of a version near {ProductVersion.Text}?");
        }
    }

    private static string Why(HttpRequestException e) => e.HttpRequestError switch
    {
        HttpRequestError.NameResolutionError => "its name is not known",
        HttpRequestError.SecureConnectionError => $"no secure connection: {(e.InnerException ?? e).Message}",
        _ => (e.InnerException ?? e).Message,
    };
}
