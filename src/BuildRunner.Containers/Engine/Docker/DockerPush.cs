using System.Text.Json;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;
using BuildRunner.Containers.Storage;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Has the engine put one of its images into a registry.</summary>
internal sealed class DockerPush(DockerConnection connection, IProgress<PushProgress>? progress)
{
    private readonly Dictionary<string, (long Bytes, long Total, bool Done)> _layers = new(StringComparer.Ordinal);
    private string? _error;
    private Digest? _digest;

    /// <summary>Pushes it; the digest by which the registry knows it, or null if the engine does not tell.</summary>
    public async Task<Digest?> RunAsync(ImageReference target, AuthConfig? login, CancellationToken cancellationToken)
    {
        var query = $"tag={Uri.EscapeDataString(target.Tag ?? "latest")}";
        using var transport = new RegistryTransport(connection.Options.Registries);
        if (transport.MayBePlain(target.Registry))
        {
            // Podman must be told; Docker has settings of its own for this.
            query += "&tlsVerify=false";
        }

        using var http = connection.Endpoint.CreateHttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"images/{DockerImages.NameOf(target, tag: false)}/push?{query}");
        request.Headers.TryAddWithoutValidation("X-Registry-Auth", HeaderOf(login));
        using var answer = await connection.CallAsync(
            $"the push of '{target}'", _ => http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken));
        await connection.CallAsync($"the push of '{target}'", async _ =>
        {
            await using var stream = await answer.Content.ReadAsStreamAsync(cancellationToken);
            await JsonMessages.ReadAsync(stream, Take, cancellationToken);
        });
        if (_error is { } error)
        {
            var reason = DockerErrors.ReasonOf(error);
            throw new ContainerException(reason, $"the registry {target.Registry} did not take '{target}': {error}", reason == ContainerFailure.RegistryUnavailable);
        }

        return _digest;
    }

    private void Take(JsonElement message)
    {
        var (id, status) = (Text(message, "id"), Text(message, "status"));
        _error ??= Text(message, "error") ?? (status is null && id is null ? Text(message, "message") : null);
        if (message.TryGetProperty("aux", out var aux) && aux.ValueKind == JsonValueKind.Object && Digest.TryParse(Text(aux, "Digest"), out var digest))
        {
            _digest = digest;
        }

        if (id is null || status is null)
        {
            return;
        }

        var layer = _layers.GetValueOrDefault(id);
        if (message.TryGetProperty("progressDetail", out var detail) && detail.ValueKind == JsonValueKind.Object
            && detail.TryGetProperty("current", out var current) && current.TryGetInt64(out var bytes))
        {
            layer = (bytes, detail.TryGetProperty("total", out var total) && total.TryGetInt64(out var all) ? Math.Max(all, bytes) : bytes, false);
        }

        var isThere = status.StartsWith("Pushed", StringComparison.Ordinal) || status.Contains("exists", StringComparison.Ordinal) || status.StartsWith("Mounted", StringComparison.Ordinal);
        _layers[id] = isThere ? (layer.Total, layer.Total, true) : layer;
        progress?.Report(new PushProgress(_layers.Count, _layers.Values.Count(l => l.Done), _layers.Values.Sum(l => l.Bytes), _layers.Values.Sum(l => l.Total)));
    }

    private static string? Text(JsonElement message, string name) =>
        message.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private static string HeaderOf(AuthConfig? login) => Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(
        new PushLogin(login?.Username, login?.Password, login?.ServerAddress, login?.IdentityToken), DockerBuildJson.Default.PushLogin)).Replace('+', '-').Replace('/', '_');
}
