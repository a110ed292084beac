using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Containers.Images;
using BuildRunner.Testing.Images;

namespace BuildRunner.Testing.Registries;

/// <summary>Puts images into a registry by plain HTTP, independent of the code under test.</summary>
public static class RegistryUploads
{
    /// <summary>Uploads an image and tags it; returns the reference to pull it by: <c>127.0.0.1:PORT/repository:tag</c>.</summary>
    public static async Task<ImageReference> PushAsync(
        this RegistryServer registry, TestImage image, string repository, string tag = "latest", CancellationToken cancellationToken = default)
    {
        foreach (var blob in image.Layers.Select(layer => layer.Blob).Append(image.Config))
        {
            await registry.PushBlobAsync(repository, blob, cancellationToken);
        }

        await registry.PushManifestAsync(repository, tag, image.MediaType, image.Manifest, cancellationToken);
        return registry.Reference($"{repository}:{tag}");
    }

    /// <summary>Uploads images for several platforms under one tag: an OCI index, or Docker's list.</summary>
    public static async Task<ImageReference> PushIndexAsync(
        this RegistryServer registry,
        IReadOnlyList<TestImage> images,
        string repository,
        string tag = "latest",
        string mediaType = TestImage.OciIndex,
        CancellationToken cancellationToken = default)
    {
        var manifests = new JsonArray();
        foreach (var image in images)
        {
            await registry.PushAsync(image, repository, $"{tag}-{image.Architecture}", cancellationToken);
            var descriptor = TestImage.Descriptor(image.MediaType, image.Manifest);
            descriptor["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = image.Architecture };
            manifests.Add((JsonNode)descriptor);
        }

        var index = new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = mediaType, ["manifests"] = manifests };
        await registry.PushManifestAsync(repository, tag, mediaType, JsonSerializer.SerializeToUtf8Bytes(index), cancellationToken);
        return registry.Reference($"{repository}:{tag}");
    }

    /// <summary>The reference of something in this registry: <c>repository:tag</c> or <c>repository@sha256:…</c>.</summary>
    public static ImageReference Reference(this RegistryServer registry, string rest) =>
        ImageReference.TryParse($"{registry.Host}/{rest}", null, out var reference, out var problem)
            ? reference
            : throw new ArgumentException(problem, nameof(rest));

    public static async Task PushBlobAsync(this RegistryServer registry, string repository, byte[] blob, CancellationToken cancellationToken = default)
    {
        using var started = await registry.Http.PostAsync($"/v2/{repository}/blobs/uploads/", null, cancellationToken);
        started.EnsureSuccessStatusCode();
        var location = new Uri(registry.Http.BaseAddress!, started.Headers.Location!);
        var target = $"{location}{(location.Query.Length == 0 ? '?' : '&')}digest={Uri.EscapeDataString(TestImage.DigestOf(blob).ToString())}";
        using var content = new ByteArrayContent(blob);
        using var done = await registry.Http.PutAsync(target, content, cancellationToken);
        done.EnsureSuccessStatusCode();
    }

    public static async Task PushManifestAsync(
        this RegistryServer registry, string repository, string tag, string mediaType, byte[] manifest, CancellationToken cancellationToken = default)
    {
        using var content = new ByteArrayContent(manifest);
        content.Headers.ContentType = new MediaTypeHeaderValue(mediaType);
        using var done = await registry.Http.PutAsync($"/v2/{repository}/manifests/{tag}", content, cancellationToken);
        if (!done.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"the registry refused the manifest: {await done.Content.ReadAsStringAsync(cancellationToken)}");
        }
    }
}
