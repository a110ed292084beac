using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>The images of the embedded engine: those in an <see cref="ImageStore"/>, which is disposed with this object.</summary>
/// <param name="store">The store.</param>
/// <param name="kept">The containers that runs kept.</param>
public sealed class StoreLibrary(ImageStore store, KeptContainers kept) : IImageLibrary
{
    // What the engine puts into every container; where the image has nothing of that name, the mount point stays in the container's layer.
    private static readonly string[] Mounted = ["/proc", "/sys", "/dev", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname"];
    private const string OwnMounted = ".buildrunner*";

    /// <inheritdoc/>
    public string Engine => "oci";

    /// <inheritdoc/>
    public Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken) =>
        store.PullAsync(image, options, progress, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<StoredImage>> ListAsync(CancellationToken cancellationToken) => Task.FromResult(store.List());

    /// <inheritdoc/>
    public Task<byte[]?> InspectAsync(ImageReference image, ImagePart part, CancellationToken cancellationToken) => Task.FromResult(store.Inspect(image) is not { } details ? null : part switch
    {
        ImagePart.Config => details.Config,
        ImagePart.Manifest => details.Manifest,
        _ => details.ToJson(),
    });

    /// <inheritdoc/>
    public Task<ImageRemoval> RemoveAsync(ImageReference image, CancellationToken cancellationToken) => store.RemoveAsync(image, cancellationToken);

    /// <inheritdoc/>
    public Task<PruneResult> PruneAsync(PruneOptions options, CancellationToken cancellationToken) => store.PruneAsync(options, cancellationToken);

    /// <inheritdoc/>
    public Task TagAsync(ImageReference image, ImageReference name, CancellationToken cancellationToken) => store.TagAsync(image, name, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ResolvedImage>> ImportAsync(ImageImport import, IProgress<PullProgress>? progress, CancellationToken cancellationToken) =>
        store.ImportAsync(import, progress, cancellationToken);

    /// <inheritdoc/>
    public Task ExportAsync(ImageReference image, ImageExport export, CancellationToken cancellationToken) => store.ExportAsync(image, export, cancellationToken);

    /// <inheritdoc/>
    public async Task<Digest?> PushAsync(ImageReference image, ImageReference target, PushOptions options, IProgress<PushProgress>? progress, CancellationToken cancellationToken) =>
        await store.PushAsync(image, target, options, progress, cancellationToken);

    /// <inheritdoc/>
    public async Task<ResolvedImage> CommitAsync(string container, ImageReference name, CancellationToken cancellationToken)
    {
        var record = FindKept(kept, container) ?? throw NotKept(container, "docker");
        if (record.LayerDirectory is not { } layer)
        {
            throw new ContainerException(ContainerFailure.EngineUnavailable, $"The container {record.Id} was kept by the engine {record.Engine}. Use --engine {record.Engine}.");
        }

        using var use = kept.Use(record);
        var image = await FindBaseAsync(record, cancellationToken);
        var own = Directory.EnumerateFileSystemEntries(layer, OwnMounted).Select(Path.GetFileName).OfType<string>();
        var changes = new ContainerChanges(layer) { FirstHostId = record.FirstHostId, LeftOut = [.. Mounted, .. own] };
        return await store.CommitAsync(image, changes, name, $"buildrunner step {record.Step} of {record.Workflow}, attempt {record.Attempt}", cancellationToken);
    }

    /// <summary>A kept container by its id, the beginning of it, or the name of its step: then the newest.</summary>
    internal static KeptContainer? FindKept(KeptContainers kept, string container) =>
        kept.Find(container) ?? kept.List().FirstOrDefault(record => record.Step == container);

    /// <summary>The error for a container that is not kept.</summary>
    internal static ContainerException NotKept(string container, string otherEngine) => new(
        ContainerFailure.Lost,
        $"No container '{container}' is kept here, or several begin like that. A run keeps the containers of its failed steps with 'buildrunner run --keep'; name the step, or the id that the run printed. Those of another engine need --engine {otherEngine}.");

    // The very image that the container began from, whatever its name means by now.
    private async Task<ImageReference> FindBaseAsync(KeptContainer record, CancellationToken cancellationToken)
    {
        if (!ImageReference.TryParse(record.Image, null, out var image, out var problem))
        {
            throw new ContainerException(ContainerFailure.InvalidImage, $"The container {record.Id} began from '{record.Image}', which is no image: {problem}.");
        }

        if (image.Transport == ImageTransport.RootFileSystem)
        {
            return image;
        }

        Digest? digest = Digest.TryParse(record.ImageDigest, out var parsed) ? parsed : null;
        var exact = image.Transport == ImageTransport.Docker && digest is { } wanted ? image.WithDigest(wanted) : image;
        var found = await store.PullAsync(exact, new PullOptions(), null, cancellationToken);
        return digest is null || found.ManifestDigest == digest
            ? exact
            : throw new ContainerException(
                ContainerFailure.ImageNotFound, $"The container {record.Id} began from {image} with the digest {digest}; by now it has {found.ManifestDigest}, on which the container's changes do not fit.");
    }

    /// <inheritdoc/>
    public Task<ResolvedImage> BuildAsync(ImageBuild build, Action<string>? output, CancellationToken cancellationToken) => throw CannotBuild(build);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        store.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The error for a Dockerfile where the embedded engine is asked to build it.</summary>
    public static ContainerException CannotBuild(ImageBuild build) => new(
        ContainerFailure.EngineUnavailable,
        $"This engine does not build images; the image of '{build.DisplayName}' can be built by a Docker or Podman engine. Use --engine docker, or build it there and take it over: "
        + "buildrunner image build DIR -t NAME --engine docker, then image export NAME -o FILE --engine docker and image import FILE.");
}
