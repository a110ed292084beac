using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using BuildRunner.Core.ApiContract;

namespace BuildRunner.Server.Tests.Api;

/// <summary>Calls the API as a program would.</summary>
internal sealed class ApiClient(HttpClient http)
{
    public static ApiJson Json => ApiJson.Default;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public HttpClient Http => http;

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type)
    {
        var text = await http.GetStringAsync(path, Cancel);
        return JsonSerializer.Deserialize(text, type)!;
    }

    /// <summary>Sends a body; expects success.</summary>
    public async Task<TAnswer> SendAsync<TRequest, TAnswer>(string method, string path, TRequest body, JsonTypeInfo<TRequest> type, JsonTypeInfo<TAnswer> answer, HttpStatusCode status = HttpStatusCode.OK, string? key = null)
    {
        using var response = await SendAsync(method, path, JsonSerializer.Serialize(body, type), key);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.Equal((status, text), (response.StatusCode, text));
        return JsonSerializer.Deserialize(text, answer)!;
    }

    /// <summary>Sends a body; expects problem details.</summary>
    public async Task<ApiProblem> RefusedAsync(string method, string path, string body)
    {
        using var response = await SendAsync(method, path, body, null);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.False(response.IsSuccessStatusCode, text);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        return JsonSerializer.Deserialize(text, Json.ApiProblem)!;
    }

    public async Task<HttpResponseMessage> SendAsync(string method, string path, string? body, string? key = null)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json");
        if (key is not null)
        {
            request.Headers.Add("Idempotency-Key", key);
        }

        return await http.SendAsync(request, Cancel);
    }
}
