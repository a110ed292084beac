using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>Reads whole images out of the store.</summary>
internal static class StoredImages
{
    /// <summary>The image that the notes describe; null if a part of it is missing: then it must be pulled again.</summary>
    public static ResolvedImage? Resolve(StoreParts parts, ImageReference reference, ImageNotes notes)
    {
        if (!Digest.TryParse(notes.Manifest, out var manifest) || !Digest.TryParse(notes.Config, out var configDigest)
            || parts.ReadBlob(configDigest) is not { } bytes)
        {
            return null;
        }

        var config = ImageConfigDocument.Parse(bytes, $"the configuration of {reference}");
        if (config.DiffIds.Any(diffId => parts.Layers.Find(diffId) is null))
        {
            return null;
        }

        return new ResolvedImage(reference, manifest, config.Config) { LayerDirectories = Directories(parts.Layout, config.DiffIds) };
    }

    /// <summary>What lists show of an image.</summary>
    public static StoredImage ToStored(StoreParts parts, ImageNotes notes)
    {
        return new StoredImage(notes.Name, ToDigest(notes.Manifest) ?? default, ToDigest(notes.Config) ?? default)
        {
            Index = ToDigest(notes.Index),
            Layers = notes.Layers.Count,
            Bytes = notes.Bytes,
            Created = notes.Created,
            PulledAt = notes.PulledAt,
            LastUsedAt = parts.Records.LastUse(notes),
        };
    }

    /// <summary>All that is known of an image; null if a part of it is missing.</summary>
    public static ImageDetails? Inspect(StoreParts parts, ImageNotes notes)
    {
        if (ToDigest(notes.Manifest) is not { } manifestDigest || parts.ReadBlob(manifestDigest) is not { } manifest
            || ToDigest(notes.Config) is not { } configDigest || parts.ReadBlob(configDigest) is not { } config
            || parts.ReadManifest(notes) is not { } document)
        {
            return null;
        }

        var layers = document.Layers.Zip(notes.Layers.Select(text => ToDigest(text) ?? default), (blob, diffId) => new LayerDetails(blob.Digest, diffId)
        {
            MediaType = blob.MediaType,
            Size = blob.Size,
            Bytes = parts.Layers.Find(diffId)?.Bytes ?? 0,
            Entries = parts.Layers.Find(diffId)?.Entries ?? 0,
            Directory = parts.Layout.LayerTree(diffId),
        });
        return new ImageDetails(ToStored(parts, notes), manifest, config, [.. layers]);
    }

    private static Digest? ToDigest(string? text) => Digest.TryParse(text, out var digest) ? digest : null;

    // Overlayfs refuses a directory that is given twice. The upper one hides all that the lower one shows, and hides what that hides.
    private static List<string> Directories(StoreLayout layout, IReadOnlyList<Digest> diffIds)
    {
        var directories = diffIds.Reverse().Distinct().Reverse().Select(layout.LayerTree).ToList();
        return directories.Count > 0 ? directories : [layout.EmptyLayer()];
    }
}
