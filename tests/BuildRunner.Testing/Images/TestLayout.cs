using System.Formats.Tar;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace BuildRunner.Testing.Images;

/// <summary>Writes images as OCI layouts, independent of the code under test: also wrong ones.</summary>
public static class TestLayout
{
    /// <summary>Writes a layout into a folder; an image without a name gets none, one of several platforms is told by its platform.</summary>
    public static void Write(string folder, params (TestImage Image, string? Name)[] images)
    {
        Directory.CreateDirectory(Path.Combine(folder, "blobs", "sha256"));
        File.WriteAllText(Path.Combine(folder, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        var manifests = new JsonArray();
        foreach (var (image, name) in images)
        {
            foreach (var blob in image.Layers.Select(layer => layer.Blob).Append(image.Config).Append(image.Manifest))
            {
                File.WriteAllBytes(BlobPath(folder, blob), blob);
            }

            var descriptor = TestImage.Descriptor(image.MediaType, image.Manifest);
            descriptor["platform"] = new JsonObject { ["os"] = "linux", ["architecture"] = image.Architecture };
            if (name is not null)
            {
                descriptor["annotations"] = new JsonObject { ["org.opencontainers.image.ref.name"] = name };
            }

            manifests.Add((JsonNode)descriptor);
        }

        WriteIndex(folder, manifests);
    }

    /// <summary>Replaces a layout's index.</summary>
    public static void WriteIndex(string folder, JsonArray manifests) => File.WriteAllBytes(
        Path.Combine(folder, "index.json"),
        JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = TestImage.OciIndex, ["manifests"] = manifests }));

    /// <summary>Where a layout keeps a blob.</summary>
    public static string BlobPath(string folder, byte[] blob) => Path.Combine(folder, "blobs", "sha256", TestImage.DigestOf(blob).Hex);

    /// <summary>Packs a folder's content into an archive.</summary>
    public static void Pack(string folder, string archive)
    {
        File.Delete(archive);
        TarFile.CreateFromDirectory(folder, archive, includeBaseDirectory: false);
    }
}
