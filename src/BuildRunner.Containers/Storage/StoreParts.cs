using System.Security.Cryptography;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage;

/// <summary>What the operations of one store share.</summary>
internal sealed record StoreParts(
    StoreLayout Layout,
    LayerStore Layers,
    ImageRecords Records,
    ImageGrants Grants,
    StoreLeases Leases,
    RegistryTransport Transport,
    ImageStoreOptions Options,
    TimeProvider Time)
{
    public static Digest DigestOf(ReadOnlySpan<byte> bytes) => Digest.FromHash(SHA256.HashData(bytes));

    /// <summary>Keeps a small blob whose digest was checked.</summary>
    public void SaveBlob(Digest digest, byte[] bytes)
    {
        var path = Layout.Blob(digest);
        var fresh = Path.Combine(Layout.Temporary, $"blob-{digest.Hex}.{Guid.NewGuid():N}");
        try
        {
            File.WriteAllBytes(fresh, bytes);
            File.Move(fresh, path, overwrite: true);
        }
        catch (IOException exception)
        {
            File.Delete(fresh);
            throw StorageErrors.Host(exception, "keep an image's configuration", Layout.Root);
        }
    }

    /// <summary>The manifest of an image; null if it is not there.</summary>
    public ImageDocument.Manifest? ReadManifest(ImageNotes notes) =>
        Digest.TryParse(notes.Manifest, out var digest) && ReadBlob(digest) is { } bytes
            ? ImageDocument.Parse(bytes, notes.MediaType, $"the manifest of {notes.Name}") as ImageDocument.Manifest
            : null;

    /// <summary>A small blob of the store; null if it is not there, or not what its name says.</summary>
    public byte[]? ReadBlob(Digest digest)
    {
        try
        {
            var bytes = File.ReadAllBytes(Layout.Blob(digest));
            return DigestOf(bytes) == digest ? bytes : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }
}
