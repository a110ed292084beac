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
            var load = new LocalImagePull(_parts, progress);
            var local = await load.PullAsync(image, cancellationToken);
            FinishLater(load.HasLoaded, local);
            return local;
        }

        var pull = new ImagePull(_parts, image, options, progress);
        var resolved = await pull.RunAsync(cancellationToken).ConfigureAwait(false);
        FinishLater(pull.HasLoaded, resolved);
        return resolved;
    }

    /// <summary>Takes over images out of files.</summary>
    /// <returns>One image per name.</returns>
    /// <exception cref="ContainerException">It is no image, a damaged one, or its name is not known.</exception>
    public async Task<IReadOnlyList<ResolvedImage>> ImportAsync(ImageImport import, IProgress<PullProgress>? progress, CancellationToken cancellationToken)
    {
        var load = new LocalImagePull(_parts, progress);
        var images = await load.ImportAsync(import, cancellationToken);
        FinishLater(load.HasLoaded, [.. images]);
        return images;
    }

    /// <summary>Gives an image that is here another name. The old one stays. A name that another image has goes over to this one.</summary>
    /// <exception cref="ContainerException">The image is not here.</exception>
    public Task TagAsync(ImageReference image, ImageReference name, CancellationToken cancellationToken) => new StoredNames(_parts).TagAsync(image, name, cancellationToken);

    /// <summary>Writes an image to a file or folder, for other tools and hosts.</summary>
    /// <exception cref="ContainerException">The image is not here, or cannot be written there.</exception>
    public Task ExportAsync(ImageReference image, ImageExport export, CancellationToken cancellationToken) => new ImageExporting(_parts).RunAsync(image, export, cancellationToken);

    /// <summary>Puts an image that is here into a registry. Parts that the registry has already are not sent.</summary>
    /// <param name="image">The image.</param>
    /// <param name="target">Registry, repository and tag.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told about every MiB.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>The digest by which the registry knows it.</returns>
    /// <exception cref="ContainerException">The image is not here, or the registry does not take it.</exception>
    public Task<Digest> PushAsync(ImageReference image, ImageReference target, PushOptions options, IProgress<PushProgress>? progress, CancellationToken cancellationToken) =>
        new ImagePush(_parts, target, options, progress).RunAsync(image, cancellationToken);

    /// <summary>Makes an image of another one that is here and what a container changed of it.</summary>
    /// <param name="image">What the container began from.</param>
    /// <param name="changes">What it changed; it must not run any more.</param>
    /// <param name="name">What the new image is to be called.</param>
    /// <param name="maker">What made the changes, for the image's history.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ContainerException">The image is not here, or the changes cannot be read.</exception>
    public async Task<ResolvedImage> CommitAsync(ImageReference image, ContainerChanges changes, ImageReference name, string maker, CancellationToken cancellationToken)
    {
        var made = await new ImageCommit(_parts).RunAsync(image, changes, name, maker, cancellationToken);
        FinishLater(true, made);
        return made;
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
    private void FinishLater(bool hasLoaded, params IReadOnlyList<ResolvedImage> images)
    {
        if (hasLoaded)
        {
            var layers = images.SelectMany(image => image.LayerDirectories).Select(_parts.Layout.DiffIdOf).OfType<Digest>().Distinct();
            new Thread(() => Finish(layers)) { IsBackground = true, Name = "image store" }.Start();
        }
    }

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
