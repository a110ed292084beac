using System.Security.Cryptography;
using System.Text;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>Where things are in an image store.</summary>
/// <remarks>
/// <code>
/// blobs/HEX          manifests, configurations and layers as received; the name is the SHA-256 of the content
/// layers/HEX/tree    an unpacked layer, by the digest of its archive (diff id)
/// layers/HEX/layer.json
/// images/HEX.json    what a reference means; HEX is the SHA-256 of the reference
/// locks/, leases/    files that are locked while something is done, or used
/// temporary/         what is being made; locked while it is, else left over
/// </code>
/// The store's own folder is for its user only (0700): layers hold set-user-id programs.
/// </remarks>
internal sealed class StoreLayout
{
    /// <summary>Makes the folders that are missing.</summary>
    public StoreLayout(string root)
    {
        Root = Path.GetFullPath(root);
        const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        try
        {
            Directory.CreateDirectory(Root, Private);
            foreach (var folder in (string[])[Blobs, Layers, Images, Locks, Leases, Temporary])
            {
                Directory.CreateDirectory(folder, Private);
            }
        }
        catch (UnauthorizedAccessException)
        {
            throw StorageErrors.Host(StorageErrors.AccessDenied, "make the image store", Root);
        }
        catch (IOException exception)
        {
            throw StorageErrors.Host(exception, "make the image store", Root);
        }
    }

    public string Root { get; }

    public string Blobs => Path.Combine(Root, "blobs");

    public string Layers => Path.Combine(Root, "layers");

    public string Images => Path.Combine(Root, "images");

    public string Locks => Path.Combine(Root, "locks");

    public string Leases => Path.Combine(Root, "leases");

    public string Temporary => Path.Combine(Root, "temporary");

    public string Blob(Digest digest) => Path.Combine(Blobs, digest.Hex);

    public string Layer(Digest diffId) => Path.Combine(Layers, diffId.Hex);

    public string LayerTree(Digest diffId) => Path.Combine(Layers, diffId.Hex, "tree");

    public string Image(string name) => Path.Combine(Images, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name))) + ".json");

    /// <summary>The layer whose tree a directory is; null if it is none of this store.</summary>
    public Digest? DiffIdOf(string tree) =>
        tree.StartsWith(Layers + "/", StringComparison.Ordinal) && Digest.TryParse("sha256:" + tree[(Layers.Length + 1)..].Split('/')[0], out var digest) ? digest : null;

    /// <summary>The one layer of an image that has none.</summary>
    public string EmptyLayer() => Directory.CreateDirectory(Path.Combine(Root, "empty")).FullName;

    public string Lock(string kind, Digest digest) => Path.Combine(Locks, $"{kind}-{digest.Hex}");

    public string ImageLock(string name) => Path.Combine(Locks, "image-" + Path.GetFileNameWithoutExtension(Image(name)));

    /// <summary>Taken shared by whoever adds or uses something, exclusively by whoever decides what to remove.</summary>
    public string StoreLock => Path.Combine(Locks, "store");
}
