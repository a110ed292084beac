using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage.Archives;

namespace BuildRunner.Containers.Storage;

/// <summary>Makes images of folders and archives of this host present in the store.</summary>
internal sealed class LocalImagePull(StoreParts parts, IProgress<PullProgress>? progress)
{
    private readonly PullCounter _counter = new(progress);

    /// <summary>True if something was loaded that was not here.</summary>
    public bool HasLoaded { get; private set; }

    /// <summary>Makes the image of a reference with a path present. What the file holds now is what counts, whatever was loaded from it before.</summary>
    public async Task<ResolvedImage> PullAsync(ImageReference image, CancellationToken cancellationToken)
    {
        _counter.Resolving();
        using var images = await Task.Run(() => Files.Open(image), cancellationToken);
        var resolved = await LoadAsync(images, images.Choose(image.Tag), image, cancellationToken);
        _counter.Done();
        return resolved;
    }

    /// <summary>Takes images over into the store, under names of their own.</summary>
    public async Task<IReadOnlyList<ResolvedImage>> ImportAsync(ImageImport import, CancellationToken cancellationToken)
    {
        _counter.Resolving();
        using var images = await Task.Run(() => import.Open(Files), cancellationToken);
        var resolved = new List<ResolvedImage>();
        foreach (var (image, name) in import.Choose(images))
        {
            resolved.Add(await LoadAsync(images, image, name, cancellationToken));
        }

        _counter.Done();
        return resolved;
    }

    private LocalImageFile Files => new(parts.Options.Limits, parts.Layout.Temporary);

    private async Task<ResolvedImage> LoadAsync(LocalImages images, LocalImage image, ImageReference name, CancellationToken cancellationToken)
    {
        var manifest = await Task.Run(() => images.ManifestOf(image), cancellationToken);
        using var held = await StoreLock.AcquireAsync(parts.Layout.ImageLock(name.ToString()), shared: false, parts.Time, cancellationToken);
        if (parts.Records.Find(name) is { Grants: null } known && known.Manifest == manifest.Digest.ToString() && StoredImages.Resolve(parts, name, known) is { } here)
        {
            parts.Records.Touch(known);
            return here;
        }

        HasLoaded = true;
        using var loaded = await new ImageLoad(parts, _counter).RunAsync(images.Blobs, manifest, images.Subject, () => true, cancellationToken);
        var notes = loaded.Notes with { Name = name.ToString() };
        parts.Records.Save(notes);
        return StoredImages.Resolve(parts, name, notes)
            ?? throw new ContainerException(ContainerFailure.Lost, $"The image {name} was removed from the store while it was loaded. Load it again.", isTransient: true);
    }
}
