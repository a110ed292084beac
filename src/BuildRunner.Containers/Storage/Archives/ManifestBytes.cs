using System.Text.Encodings.Web;
using System.Text.Json;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Writes manifests and indexes; the same content always gives the same bytes.</summary>
internal static class ManifestBytes
{
    // "+" stays what it is: media types are full of it.
    private static readonly ImageJson Json = new(new JsonSerializerOptions(ImageJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>The manifest of an image.</summary>
    public static ReceivedManifest Create(BlobDescriptor config, IReadOnlyList<BlobDescriptor> layers)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(
            new ImageDocumentJson
            {
                SchemaVersion = 2,
                MediaType = ImageDocument.OciManifest,
                Config = BlobDescriptorJson.From(config),
                Layers = [.. layers.Select(BlobDescriptorJson.From)],
            },
            Json.ImageDocumentJson);
        return new ReceivedManifest(bytes, StoreParts.DigestOf(bytes), ImageDocument.OciManifest);
    }

    /// <summary>An index.</summary>
    public static byte[] CreateIndex(IEnumerable<BlobDescriptorJson> manifests) => JsonSerializer.SerializeToUtf8Bytes(
        new ImageDocumentJson { SchemaVersion = 2, MediaType = ImageDocument.OciIndex, Manifests = [.. manifests] },
        Json.ImageDocumentJson);
}
