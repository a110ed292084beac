using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace BuildRunner.Testing.GitHub;

/// <summary>Posts webhooks as GitHub does. Signs by itself, so that it does not share a mistake with what verifies.</summary>
public sealed class WebhookSender(HttpClient http, string secret)
{
    /// <summary>Where they go.</summary>
    public const string Path = "/hooks/github";

    /// <summary>The value of the signature's header for a body.</summary>
    public string Sign(byte[] body) => "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body));

    /// <summary>Sends one, by default with an id of its own; the answer's status.</summary>
    public Task<HttpStatusCode> SendAsync(string name, JsonNode payload, string? delivery = null)
    {
        ArgumentNullException.ThrowIfNull(payload);
        return SendAsync(name, Encoding.UTF8.GetBytes(payload.ToJsonString()), delivery);
    }

    /// <summary>Sends one, by default with an id of its own; the answer's status.</summary>
    public async Task<HttpStatusCode> SendAsync(string name, byte[] body, string? delivery = null)
    {
        using var request = Make(name, body, delivery, Sign(body));
        using var response = await http.SendAsync(request);
        return response.StatusCode;
    }

    /// <summary>A request with these headers for its signature.</summary>
    public static HttpRequestMessage Make(string name, byte[] body, string? delivery, params ReadOnlySpan<string> signatures)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.Add("X-GitHub-Event", name);
        request.Headers.Add("X-GitHub-Delivery", delivery ?? Guid.NewGuid().ToString());
        foreach (var signature in signatures)
        {
            request.Headers.TryAddWithoutValidation("X-Hub-Signature-256", signature);
        }

        return request;
    }
}
