using System.Globalization;
using System.Text.Json;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;
using Docker.DotNet;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>The images in a Docker or Podman engine's own store.</summary>
internal sealed class DockerLibrary(
    DockerEngine engine, Func<DockerConnection> connect, Func<ImageReference, CancellationToken, Task<AuthConfig?>> credentials) : IImageLibrary
{
    /// <inheritdoc/>
    public string Engine => engine.Name;

    /// <inheritdoc/>
    public Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken) =>
        engine.PullAsync(image, options, progress, cancellationToken);

    /// <inheritdoc/>
    public async Task<IReadOnlyList<StoredImage>> ListAsync(CancellationToken cancellationToken)
    {
        var images = await connect().CallAsync("listing the images", client => client.Images.ListImagesAsync(new ImagesListParameters(), cancellationToken));
        return [.. images.SelectMany(Describe).OrderBy(image => image.Name, StringComparer.Ordinal)];
    }

    /// <inheritdoc/>
    public async Task<byte[]?> InspectAsync(ImageReference image, ImagePart part, CancellationToken cancellationToken)
    {
        if (part == ImagePart.Manifest)
        {
            throw new ContainerException(ContainerFailure.EngineUnavailable, "The engine docker does not give out manifests. Pull the image with --engine oci to see it.");
        }

        using var http = connect().Endpoint.CreateHttpClient();
        using var answer = await connect().CallAsync(
            $"looking at the image '{image}'", _ => http.GetAsync($"images/{NameOf(image)}/json", HttpCompletionOption.ResponseHeadersRead, cancellationToken));
        if (answer.StatusCode == System.Net.HttpStatusCode.NotFound)
        {
            return null;
        }

        using var document = JsonDocument.Parse(await answer.Content.ReadAsByteArrayAsync(cancellationToken));
        var shown = part == ImagePart.Config && document.RootElement.TryGetProperty("Config", out var config) ? config : document.RootElement;
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true }))
        {
            shown.WriteTo(json);
        }

        return bytes.ToArray();
    }

    /// <inheritdoc/>
    public async Task<ImageRemoval> RemoveAsync(ImageReference image, CancellationToken cancellationToken)
    {
        try
        {
            await connect().CallAsync($"removing the image '{image}'", client => client.Images.DeleteImageAsync(NameOf(image), new ImageDeleteParameters(), cancellationToken));
            return ImageRemoval.Removed;
        }
        catch (ContainerException missing) when (missing.Reason == ContainerFailure.ImageNotFound)
        {
            return ImageRemoval.NotFound;
        }
        catch (ContainerException busy) when (busy.InnerException is DockerApiException { StatusCode: System.Net.HttpStatusCode.Conflict })
        {
            return ImageRemoval.InUse;
        }
    }

    /// <inheritdoc/>
    public async Task<PruneResult> PruneAsync(PruneOptions options, CancellationToken cancellationToken)
    {
        if (options.LeastFreeBytes is not null)
        {
            throw new ContainerException(ContainerFailure.EngineUnavailable, "The engine docker does not tell how much of its disk is free. Use --unused-for or --keep, or --engine oci.");
        }

        var filters = new Dictionary<string, IDictionary<string, bool>> { ["dangling"] = new Dictionary<string, bool> { [options.UnusedFor is null ? "true" : "false"] = true } };
        if (options.UnusedFor is { } age && age > TimeSpan.Zero)
        {
            filters["until"] = new Dictionary<string, bool> { [$"{(long)age.TotalSeconds}s"] = true };
        }

        var pruned = await connect().CallAsync(
            "pruning the images", client => client.Images.PruneImagesAsync(new ImagesPruneParameters { Filters = filters }, cancellationToken));
        var (names, layers, bytes) = Count(pruned);
        if (options.MostBytes is { } most)
        {
            bytes += await new DockerRoom(connect()).MakeAsync(most, names, cancellationToken);
        }

        return new PruneResult(names, layers, bytes);
    }

    /// <inheritdoc/>
    public Task TagAsync(ImageReference image, ImageReference name, CancellationToken cancellationToken) => name is { Transport: ImageTransport.Docker, Digest: null, Tag: { } tag }
        ? connect().CallAsync(
            $"giving the image '{image}' the name '{name}'",
            client => client.Images.TagImageAsync(NameOf(image), new ImageTagParameters { RepositoryName = DockerImages.NameOf(name, tag: false), Tag = tag }, cancellationToken))
        : throw new ContainerException(ContainerFailure.InvalidImage, $"'{name}' cannot be a name: it must be what docker pull takes, without a digest.");

    /// <inheritdoc/>
    public Task<IReadOnlyList<ResolvedImage>> ImportAsync(ImageImport import, IProgress<PullProgress>? progress, CancellationToken cancellationToken) =>
        new DockerArchives(connect()).ImportAsync(import, cancellationToken);

    /// <inheritdoc/>
    public Task ExportAsync(ImageReference image, ImageExport export, CancellationToken cancellationToken) =>
        new DockerArchives(connect()).ExportAsync(NameOf(image), image, export, cancellationToken);

    /// <inheritdoc/>
    public async Task<Digest?> PushAsync(
        ImageReference image, ImageReference target, PushOptions options, IProgress<PushProgress>? progress, CancellationToken cancellationToken)
    {
        var known = await DockerImages.FindAsync(connect().Endpoint, connect().Client, NameOf(target), cancellationToken) is not null;
        if (image != target)
        {
            await TagAsync(image, target, cancellationToken);
        }

        try
        {
            var login = options.Credentials is { } given ? DockerEngine.LoginOf(target, given) : await credentials(target, cancellationToken);
            var told = await new DockerPush(connect(), progress).RunAsync(target, login, cancellationToken);
            return told ?? await DigestOfAsync(target, cancellationToken);
        }
        finally
        {
            if (image != target && !known)
            {
                await RemoveAsync(target, CancellationToken.None);
            }
        }
    }

    /// <inheritdoc/>
    public async Task<ResolvedImage> CommitAsync(string container, ImageReference name, CancellationToken cancellationToken)
    {
        var kept = StoreLibrary.FindKept(engine.Kept, container) ?? throw StoreLibrary.NotKept(container, "oci");
        if (name is not { Transport: ImageTransport.Docker, Digest: null, Tag: { } tag })
        {
            throw new ContainerException(ContainerFailure.InvalidImage, $"'{name}' cannot be a name: it must be what docker pull takes, without a digest.");
        }

        // The engine made an image of the container when it was kept; it only lacks its name.
        await connect().CallAsync(
            $"making the image '{name}' of the container {kept.Id}",
            client => client.Images.TagImageAsync(
                kept.StoreImage ?? "", new ImageTagParameters { RepositoryName = DockerImages.NameOf(name, tag: false), Tag = tag }, cancellationToken));
        var found = await DockerImages.FindAsync(connect().Endpoint, connect().Client, DockerImages.NameOf(name), cancellationToken);
        return DockerImages.Describe(name, found ?? throw new ContainerException(ContainerFailure.Lost, $"the image of the container {kept.Id} was removed from the engine"));
    }

    /// <inheritdoc/>
    public Task<ResolvedImage> BuildAsync(ImageBuild build, Action<string>? output, CancellationToken cancellationToken) => engine.BuildAsync(build, output, cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => engine.DisposeAsync();

    private async Task<Digest?> DigestOfAsync(ImageReference image, CancellationToken cancellationToken) =>
        await DockerImages.FindAsync(connect().Endpoint, connect().Client, NameOf(image), cancellationToken) is { } found ? DockerImages.Describe(image, found).ManifestDigest : null;

    private static string NameOf(ImageReference image) => image.Transport == ImageTransport.Docker
        ? DockerImages.NameOf(image)
        : throw new ContainerException(ContainerFailure.InvalidImage, $"'{image}' is in a file, and not in the engine's store. Import it first: buildrunner image import {image} NAME --engine docker");

    private static IEnumerable<StoredImage> Describe(ImagesListResponse image)
    {
        var created = new DateTimeOffset(DateTime.SpecifyKind(image.Created, DateTimeKind.Utc));
        _ = Digest.TryParse(image.ID.StartsWith("sha256:", StringComparison.Ordinal) ? image.ID : "sha256:" + image.ID, out var id);
        foreach (var name in (image.RepoTags ?? []).Where(tag => tag != "<none>:<none>"))
        {
            var own = ImageReference.TryParse(name, null, out var reference, out _) ? reference : null;
            var digest = own is null ? null : (image.RepoDigests ?? [])
                .Where(text => ImageReference.TryParse(text, null, out var other, out _) && other.Location == own.Location)
                .Select(text => Digest.TryParse(text[(text.IndexOf('@') + 1)..], out var parsed) ? parsed : (Digest?)null)
                .FirstOrDefault();
            yield return new StoredImage(own?.ToString() ?? name, digest ?? id, id) { Bytes = image.Size, Created = created, Layers = null, LastUsedAt = null, PulledAt = null };
        }
    }

    private static (List<string> Names, int Layers, long Bytes) Count(ImagesPruneResponse pruned)
    {
        var deleted = pruned.ImagesDeleted ?? [];
        return ([.. deleted.Select(image => image.Untagged).OfType<string>().Where(name => name.Length > 0 && !name.Contains('@', StringComparison.Ordinal))],
            deleted.Count(image => !string.IsNullOrEmpty(image.Deleted)), long.Parse(pruned.SpaceReclaimed.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture));
    }
}
