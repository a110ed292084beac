using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace BuildRunner.Benchmarks;

/// <summary>An image to pull: about 300 MB in six layers of gzip, 850 MB and 38,000 files unpacked, always the same. Written as an OCI layout.</summary>
internal static class PullImage
{
    private static readonly int[] FilesOfLayer = [19_000, 9_500, 4_500, 2_800, 1_700, 500];

    /// <summary>Writes it.</summary>
    public static void Write(string folder)
    {
        var blobs = Directory.CreateDirectory(Path.Combine(folder, "blobs", "sha256")).FullName;
        var layers = new JsonNode[FilesOfLayer.Length];
        var diffIds = new JsonNode[FilesOfLayer.Length];
        Parallel.For(0, FilesOfLayer.Length, new ParallelOptions { MaxDegreeOfParallelism = 2 }, number =>
        {
            var (descriptor, diffId) = WriteLayer(blobs, number);
            (layers[number], diffIds[number]) = (descriptor, JsonValue.Create(diffId));
        });
        var config = WriteBlob(blobs, new JsonObject
        {
            ["os"] = "linux",
            ["architecture"] = System.Runtime.InteropServices.RuntimeInformation.OSArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? "arm64" : "amd64",
            ["config"] = new JsonObject(),
            ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray(diffIds) },
        }, "application/vnd.oci.image.config.v1+json");
        const string ManifestType = "application/vnd.oci.image.manifest.v1+json";
        var manifest = WriteBlob(blobs, new JsonObject { ["schemaVersion"] = 2, ["mediaType"] = ManifestType, ["config"] = config, ["layers"] = new JsonArray(layers) }, ManifestType);
        File.WriteAllText(Path.Combine(folder, "oci-layout"), """{"imageLayoutVersion":"1.0.0"}""");
        File.WriteAllText(Path.Combine(folder, "index.json"), new JsonObject { ["schemaVersion"] = 2, ["manifests"] = new JsonArray(manifest) }.ToJsonString());
    }

    private static (JsonObject Descriptor, string DiffId) WriteLayer(string blobs, int number)
    {
        var path = Path.Combine(blobs, $"layer-{number}");
        string diffId;
        using (var file = File.Create(path))
        using (var gzip = new GZipStream(file, CompressionLevel.Optimal))
        using (var hash = SHA256.Create())
        using (var hashing = new CryptoStream(gzip, hash, CryptoStreamMode.Write))
        {
            using (var tar = new TarWriter(hashing, TarEntryFormat.Ustar, leaveOpen: true))
            {
                WriteFiles(tar, number);
            }

            hashing.FlushFinalBlock();
            diffId = "sha256:" + Convert.ToHexStringLower(hash.Hash!);
        }

        return (Name(blobs, path, "application/vnd.oci.image.layer.v1.tar+gzip"), diffId);
    }

    private static void WriteFiles(TarWriter tar, int number)
    {
        var random = new Random(number);
        var words = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 4000).Select(i => $"{i * 7919 % 104729:x} ")));
        for (var i = 0; i < FilesOfLayer[number]; i++)
        {
            if (i % 40 == 0)
            {
                tar.WriteEntry(new UstarTarEntry(TarEntryType.Directory, $"layer{number}/d{i / 40}/") { Mode = (UnixFileMode)0b111_101_101 });
            }

            // A few large files and many small ones, a third of each not to be packed.
            var size = random.Next(100) == 0 ? random.Next(200_000, 1_000_000) : random.Next(500, 32_000);
            var content = new byte[size];
            random.NextBytes(content.AsSpan(0, size / 3));
            for (var at = size / 3; at < size;)
            {
                var start = random.Next(words.Length - 512);
                var count = Math.Min(512, size - at);
                words.AsSpan(start, count).CopyTo(content.AsSpan(at));
                at += count;
            }

            using var data = new MemoryStream(content);
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, $"layer{number}/d{i / 40}/f{i}") { Mode = (UnixFileMode)0b110_100_100, DataStream = data });
        }
    }

    private static JsonObject WriteBlob(string blobs, JsonObject document, string type)
    {
        var path = Path.Combine(blobs, "document");
        File.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(document));
        return Name(blobs, path, type);
    }

    private static JsonObject Name(string blobs, string path, string type)
    {
        using var content = File.OpenRead(path);
        var hex = Convert.ToHexStringLower(SHA256.HashData(content));
        var size = content.Length;
        File.Move(path, Path.Combine(blobs, hex), overwrite: true);
        return new JsonObject { ["mediaType"] = type, ["size"] = size, ["digest"] = $"sha256:{hex}" };
    }
}
