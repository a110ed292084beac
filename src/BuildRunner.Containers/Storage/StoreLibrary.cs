using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>The images of the embedded engine: those in an <see cref="ImageStore"/>, which is disposed with this object.</summary>
public sealed class StoreLibrary(ImageStore store) : IImageLibrary
{
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
    public Task<ResolvedImage> BuildAsync(ImageBuild build, Action<string>? output, CancellationToken cancellationToken) => throw CannotBuild(build.Directory);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        store.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The error for a Dockerfile where the embedded engine is asked to build it.</summary>
    public static ContainerException CannotBuild(string directory) => new(
        ContainerFailure.EngineUnavailable,
        $"The engine oci does not build images; the image of {directory} can be built by a Docker or Podman engine. Use --engine docker, or build it there and take it over: "
        + "buildrunner image build DIR -t NAME --engine docker, buildrunner image export NAME -o FILE --engine docker, buildrunner image import FILE.");
}
