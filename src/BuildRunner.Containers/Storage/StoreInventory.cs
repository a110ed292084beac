using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>What is in a store at one moment, and what needs what. The caller holds the store's lock exclusively.</summary>
internal sealed class StoreInventory
{
    private readonly Dictionary<ImageNotes, HashSet<Digest>> _needs = new(ReferenceEqualityComparer.Instance);

    private readonly HashSet<string> _fromRegistries = new(StringComparer.Ordinal);

    public StoreInventory(StoreParts parts)
    {
        Leased = parts.Leases.Read();
        foreach (var path in Directory.EnumerateDirectories(parts.Layout.Layers))
        {
            if (Digest.TryParse("sha256:" + Path.GetFileName(path), out var digest))
            {
                var notes = StoreJson.Read(Path.Combine(path, "layer.json"), StoreJson.Default.LayerNotes);
                Layers[digest] = notes?.Bytes ?? 0;
                _fromRegistries.UnionWith((notes?.Transfers ?? []).Where(transfer => transfer.Origins.Count > 0).Select(transfer => transfer.Digest));
            }
        }

        foreach (var file in new DirectoryInfo(parts.Layout.Blobs).EnumerateFiles())
        {
            if (Digest.TryParse("sha256:" + file.Name, out var digest))
            {
                Blobs[digest] = file.Length;
            }
        }

        // The longest unused first.
        Images = [.. parts.Records.List().OrderBy(parts.Records.LastUse)];
        foreach (var image in Images)
        {
            _needs[image] = NeedsOf(parts, image);
        }
    }

    /// <summary>The images, the longest unused first.</summary>
    public List<ImageNotes> Images { get; }

    /// <summary>Unpacked layers by diff id, with the bytes of their archives.</summary>
    public Dictionary<Digest, long> Layers { get; } = [];

    /// <summary>Blobs with their sizes: transfers of layers, manifests, configurations.</summary>
    public Dictionary<Digest, long> Blobs { get; } = [];

    /// <summary>What processes use.</summary>
    public HashSet<Digest> Leased { get; }

    /// <summary>What all takes, about.</summary>
    public long Bytes => Layers.Values.Sum() + Blobs.Values.Sum();

    /// <summary>True if a process uses the image.</summary>
    public bool IsUsed(ImageNotes image) => image.Layers.Append(image.Manifest).Any(text => Digest.TryParse(text, out var digest) && Leased.Contains(digest));

    /// <summary>Blobs and layers that no image and no process needs.</summary>
    public IEnumerable<Digest> Unneeded()
    {
        var needed = Images.SelectMany(image => _needs[image]).Concat(Leased).ToHashSet();
        return Layers.Keys.Concat(Blobs.Keys).Where(digest => !needed.Contains(digest)).Distinct();
    }

    /// <summary>True if a registry gave this transfer, and can give it again.</summary>
    public bool CanBeHadAgain(Digest transfer) => _fromRegistries.Contains(transfer.ToString());

    /// <summary>The transfers of an image's layers that are kept.</summary>
    public IEnumerable<Digest> TransfersOf(StoreParts parts, ImageNotes image) =>
        TransfersOf(parts, parts.ReadManifest(image)).Where(digest => Blobs.ContainsKey(digest) && !Leased.Contains(digest));

    private static HashSet<Digest> NeedsOf(StoreParts parts, ImageNotes image)
    {
        HashSet<Digest> needs = [.. image.Layers.Append(image.Manifest).Append(image.Config).Append(image.Index ?? "").Select(ToDigest).OfType<Digest>()];
        needs.UnionWith(TransfersOf(parts, parts.ReadManifest(image)));
        return needs;
    }

    private static IEnumerable<Digest> TransfersOf(StoreParts parts, ImageDocument.Manifest? manifest) => manifest?.Layers.Select(layer => layer.Digest) ?? [];

    private static Digest? ToDigest(string text) => Digest.TryParse(text, out var digest) ? digest : null;
}
