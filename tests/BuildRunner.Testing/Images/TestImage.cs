using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Containers.Images;

namespace BuildRunner.Testing.Images;

/// <summary>An image, built in memory. Immutable: every <c>With…</c> returns another.</summary>
public sealed record TestImage
{
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerList = "application/vnd.docker.distribution.manifest.list.v2+json";

    /// <summary>Lowest first.</summary>
    public IReadOnlyList<TestLayer> Layers { get; init; } = [];

    /// <summary>As Go names it.</summary>
    public string Architecture { get; init; } = ThisArchitecture;

    /// <summary>The manifest's media type.</summary>
    public string MediaType { get; init; } = OciManifest;

    /// <summary>The <c>config</c> object of the configuration.</summary>
    public JsonObject Settings { get; init; } = [];

    /// <summary>This host's architecture as Go names it.</summary>
    public static string ThisArchitecture { get; } = RuntimeInformation.OSArchitecture switch
    {
        System.Runtime.InteropServices.Architecture.X64 => "amd64",
        System.Runtime.InteropServices.Architecture.Arm64 => "arm64",
        var other => other.ToString().ToLowerInvariant(),
    };

    /// <summary>The configuration as its bytes.</summary>
    public byte[] Config => JsonSerializer.SerializeToUtf8Bytes(new JsonObject
    {
        ["created"] = "2024-02-03T04:05:06Z",
        ["os"] = "linux",
        ["architecture"] = Architecture,
        ["config"] = Settings.DeepClone(),
        ["rootfs"] = new JsonObject
        {
            ["type"] = "layers",
            ["diff_ids"] = new JsonArray([.. Layers.Select(layer => JsonValue.Create(layer.DiffId.ToString()))]),
        },
        ["history"] = new JsonArray([.. Layers.Select(_ => (JsonNode)new JsonObject { ["created"] = "2024-02-03T04:05:06Z", ["created_by"] = "a test" })]),
    });

    /// <summary>The manifest as its bytes.</summary>
    public byte[] Manifest => JsonSerializer.SerializeToUtf8Bytes(new JsonObject
    {
        ["schemaVersion"] = 2,
        ["mediaType"] = MediaType,
        ["config"] = Descriptor(
            MediaType == DockerManifest ? "application/vnd.docker.container.image.v1+json" : "application/vnd.oci.image.config.v1+json", Config),
        ["layers"] = new JsonArray([.. Layers.Select(layer => Descriptor(layer.MediaType, layer.Blob))]),
    });

    /// <summary>The manifest's digest.</summary>
    public Digest Digest => DigestOf(Manifest);

    /// <summary>Busybox with all its commands in <c>/bin</c>, users root and tester (1000), and an empty <c>/tmp</c>: an image that runs scripts.</summary>
    public static TestImage Busybox { get; } = new TestImage { Layers = [BusyboxLayer()] }
        .WithSetting("Cmd", new JsonArray("sh"))
        .WithSetting("Env", new JsonArray("PATH=/bin:/usr/bin", "IMAGE=busybox"));

    /// <summary>One layer more.</summary>
    public TestImage WithLayer(TestLayer layer) => this with { Layers = [.. Layers, layer] };

    /// <summary>One layer more.</summary>
    public TestImage WithLayer(Action<TestArchive> write, string mediaType = TestLayer.Gzip) => WithLayer(TestLayer.Of(write, mediaType));

    /// <summary>Sets one member of <c>config</c>: <c>User</c>, <c>WorkingDir</c>, <c>Entrypoint</c> …</summary>
    public TestImage WithSetting(string name, JsonNode? value)
    {
        var settings = (JsonObject)Settings.DeepClone();
        settings[name] = value;
        return this with { Settings = settings };
    }

    public static Digest DigestOf(byte[] bytes) => Digest.FromHash(SHA256.HashData(bytes));

    public static JsonObject Descriptor(string mediaType, byte[] bytes) => new()
    {
        ["mediaType"] = mediaType,
        ["size"] = bytes.Length,
        ["digest"] = DigestOf(bytes).ToString(),
    };

    private static TestLayer BusyboxLayer()
    {
        Requires.Program("busybox");
        return TestLayer.Of(archive =>
        {
            archive.Directory("bin").File("bin/busybox", System.IO.File.ReadAllBytes(Requires.Find("busybox")!), 0b111_101_101);
            foreach (var command in BusyboxCommands.All)
            {
                archive.SymbolicLink($"bin/{command}", "busybox");
            }

            archive.Directory("etc").Directory("proc").Directory("sys").Directory("dev").Directory("usr").Directory("usr/bin").Directory("root", 0b111_000_000);
            archive.File("etc/passwd", "root:x:0:0:root:/root:/bin/sh\ntester:x:1000:1000:tester:/home/tester:/bin/sh\n");
            archive.File("etc/group", "root:x:0:\ntester:x:1000:\nstaff:x:50:tester\n");
            archive.Directory("home").Directory("home/tester", 0b111_101_101, 1000, 1000).Directory("tmp", 0b1_111_111_111);
        });
    }
}
