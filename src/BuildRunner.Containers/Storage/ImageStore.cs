using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage;

/// <summary>The images of this host: pulled, verified, unpacked. Shared by every process that is given the same folder.</summary>
/// <remarks>
/// <para>Every process may do everything at any time: a layer is loaded by one of them and waited for by the others; what is half done is never visible,
/// also after a kill or a power cut.</para>
/// <para>All members may be called from several threads at once.</para>
/// </remarks>
public sealed class ImageStore : IDisposable
{
    private readonly StoreParts _parts;

    /// <summary>Opens a store, and makes it if it is not there.</summary>
    /// <param name="rootDirectory">Its folder, on a file system that overlayfs takes as a lower one.</param>
    /// <param name="options">How it works.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="ContainerException">The folder cannot be made or written to.</exception>
    public ImageStore(string rootDirectory, ImageStoreOptions options, TimeProvider time)
    {
        var layout = new StoreLayout(rootDirectory);
        _parts = new StoreParts(
            layout,
            new LayerStore(layout),
            new ImageRecords(layout, time),
            new ImageGrants(layout, options.RecheckAfter, time),
            new StoreLeases(layout, time),
            new RegistryTransport(options.Registry),
            options,
            time);
    }

    /// <summary>The store's folder.</summary>
    public string RootDirectory => _parts.Layout.Root;

    /// <summary>Makes an image present and resolves it to a digest.</summary>
    /// <remarks>Safe to repeat. Concurrent calls for one image, in this process and others, load it once.</remarks>
    /// <exception cref="ContainerException">The image cannot be had; the reason tells why.</exception>
    public async Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken)
    {
        if (image.Transport == ImageTransport.RootFileSystem)
        {
            return RootFileSystemImage.Resolve(image);
        }

        if (image.Transport != ImageTransport.Docker)
        {
            throw new ContainerException(
                ContainerFailure.InvalidImage,
                $"The image {image} is a layout or archive, which this version cannot read yet. Push it to a registry, or unpack it and name the directory with rootfs:.");
        }

        var pull = new ImagePull(_parts, image, options, progress);
        var resolved = await pull.RunAsync(cancellationToken).ConfigureAwait(false);
        if (pull.HasLoaded)
        {
            FinishLater(resolved);
        }

        return resolved;
    }

    /// <summary>An image that is here, without asking anybody; null if it is not, or not whole.</summary>
    /// <remarks>For an image that needed credentials, whether the caller may have it is not asked here: that is <see cref="PullAsync"/>'s.</remarks>
    public ResolvedImage? Find(ImageReference image) => image.Transport == ImageTransport.RootFileSystem
        ? RootFileSystemImage.Resolve(image)
        : _parts.Records.Find(image) is { } notes ? StoredImages.Resolve(_parts, image, notes) : null;

    /// <summary>The images that are here, by name.</summary>
    public IReadOnlyList<StoredImage> List() =>
        [.. _parts.Records.List().Select(notes => StoredImages.ToStored(_parts, notes)).OrderBy(image => image.Name, StringComparer.Ordinal)];

    /// <summary>All that is known of an image that is here; null if it is not, or not whole.</summary>
    public ImageDetails? Inspect(ImageReference image) => _parts.Records.Find(image) is { } notes ? StoredImages.Inspect(_parts, notes) : null;

    /// <summary>Keeps an image that was pulled from being removed, by whomever, until the lease is disposed.</summary>
    /// <exception cref="ContainerException"><see cref="ContainerFailure.Lost"/>: it was removed since it was pulled; pull again.</exception>
    public async Task<ImageLease> LeaseAsync(ResolvedImage image, CancellationToken cancellationToken)
    {
        if (image.Reference.Transport == ImageTransport.RootFileSystem)
        {
            return new ImageLease(null);
        }

        var layers = image.LayerDirectories.Select(_parts.Layout.DiffIdOf).OfType<Digest>().ToList();
        var lease = await _parts.Leases.TakeAsync(image.ManifestDigest is { } manifest ? layers.Append(manifest) : layers, cancellationToken).ConfigureAwait(false);
        if (layers.Exists(diffId => _parts.Layers.Find(diffId) is null))
        {
            lease.Dispose();
            throw new ContainerException(ContainerFailure.Lost, $"The image {image.DisplayName} was removed from the store since it was pulled. Pull it again.", isTransient: true);
        }

        return new ImageLease(lease);
    }

    /// <summary>Removes an image, and the layers that no other image needs.</summary>
    public Task<ImageRemoval> RemoveAsync(ImageReference image, CancellationToken cancellationToken) =>
        new StorePruning(_parts).RemoveAsync(image.ToString(), cancellationToken);

    /// <summary>Removes what the options say. Everything else may go on meanwhile: pulls, and containers.</summary>
    public Task<PruneResult> PruneAsync(PruneOptions options, CancellationToken cancellationToken) => new StorePruning(_parts).PruneAsync(options, cancellationToken);

    /// <summary>Ends connections to registries.</summary>
    public void Dispose() => _parts.Transport.Dispose();

    // Off the caller's path: a layer is used at once, and only a power cut could tear it (LayerStore.Find).
    private void FinishLater(ResolvedImage image) =>
        new Thread(() => Finish(image.LayerDirectories.Select(_parts.Layout.DiffIdOf).OfType<Digest>())) { IsBackground = true, Name = "image store" }.Start();

    private void Finish(IEnumerable<Digest> layers)
    {
        try
        {
            _parts.Layers.MakeDurable(layers);
            if (_parts.Options.PruneAfterPull is { } options)
            {
                PruneAsync(options, CancellationToken.None).GetAwaiter().GetResult();
            }
        }
        catch (Exception exception) when (exception is ContainerException or IOException or UnauthorizedAccessException)
        {
            // The layers stay as they are: good in this boot, loaded again in the next. What was to be removed is found by the next pruning.
        }
    }
}
