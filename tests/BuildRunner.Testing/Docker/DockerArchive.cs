using System.Formats.Tar;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Testing.Images;

namespace BuildRunner.Testing.Docker;

/// <summary>Writes images as <c>docker save</c> does.</summary>
public static class DockerArchive
{
    /// <summary>Writes an archive with one image; its name is <c>repository:tag</c>.</summary>
    public static void Write(string path, TestImage image, string name)
    {
        using var file = File.Create(path);
        using var tar = new TarWriter(file, TarEntryFormat.Ustar);
        var config = image.Config;
        var configName = TestImage.DigestOf(config).Hex + ".json";
        Add(tar, configName, config);
        var layers = new JsonArray();
        foreach (var layer in image.Layers)
        {
            var layerName = $"{layer.DiffId.Hex}/layer.tar";
            Add(tar, layerName, layer.Archive);
            layers.Add(layerName);
        }

        var manifest = new JsonArray(new JsonObject { ["Config"] = configName, ["RepoTags"] = new JsonArray(name), ["Layers"] = layers });
        Add(tar, "manifest.json", JsonSerializer.SerializeToUtf8Bytes(manifest));
    }

    private static void Add(TarWriter tar, string name, byte[] content)
    {
        using var data = new MemoryStream(content);
        tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = data });
    }
}
