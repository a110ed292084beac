using System.Text.Json;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Images;

/// <summary>What a registry or layout gives for a name: one image, or a list with one per platform. A closed hierarchy.</summary>
/// <remarks>OCI image specification, "manifest" and "image index"; Docker's schema 2 has the same members.</remarks>
internal abstract record ImageDocument
{
    public const string OciManifest = "application/vnd.oci.image.manifest.v1+json";
    public const string OciIndex = "application/vnd.oci.image.index.v1+json";
    public const string DockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
    public const string DockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
    public const string OciConfig = "application/vnd.oci.image.config.v1+json";
    public const string OciLayer = "application/vnd.oci.image.layer.v1.tar";
    public const string OciGzipLayer = "application/vnd.oci.image.layer.v1.tar+gzip";

    private ImageDocument()
    {
    }

    /// <summary>A list with an image per platform.</summary>
    public sealed record Index(IReadOnlyList<BlobDescriptor> Manifests) : ImageDocument;

    /// <summary>One image.</summary>
    public sealed record Manifest(BlobDescriptor Config, IReadOnlyList<BlobDescriptor> Layers) : ImageDocument;

    /// <summary>Reads a document.</summary>
    /// <param name="bytes">As received.</param>
    /// <param name="mediaType">What came with it as its type; null if nothing did.</param>
    /// <param name="source">What it is, for messages: "the manifest of alpine:3".</param>
    /// <exception cref="ContainerException">It is no document, one of an old kind, or says two things at once.</exception>
    public static ImageDocument Parse(ReadOnlySpan<byte> bytes, string? mediaType, string source)
    {
        var wire = ReadJson(bytes, source);
        if (wire.SchemaVersion != 2)
        {
            throw Corrupt(source, wire.SchemaVersion == 1
                ? "is of schema 1, which registries gave up in 2019; push the image again with a current tool"
                : "has no schemaVersion 2");
        }

        // A document that is read as an index by one program and as an image by another can hide things (CVE-2021-41190).
        var type = mediaType is null or "application/json" or "application/octet-stream" ? wire.MediaType : mediaType;
        if ((wire.MediaType is { } own && own != type) || (wire.Manifests is not null && wire.Layers is not null))
        {
            throw Corrupt(source, "claims to be two kinds of document at once");
        }

        if (wire.Manifests is { } manifests)
        {
            return type is null or OciIndex or DockerList
                ? new Index(ToDescriptors(manifests, source))
                : throw Corrupt(source, $"has the type '{Shorten(type)}' and the members of an index");
        }

        if (wire.Config is not { } config || wire.Layers is not { } layers)
        {
            throw Corrupt(source, "is no image: config or layers are missing");
        }

        return type is null or OciManifest or DockerManifest
            ? new Manifest(config.ToDescriptor(source), ToDescriptors(layers, source))
            : throw Corrupt(source, $"has the type '{Shorten(type)}', which is no image");
    }

    internal static ContainerException Corrupt(string source, string what) =>
        new(ContainerFailure.CorruptImage, $"{char.ToUpperInvariant(source[0])}{source[1..]} {what}.");

    private static List<BlobDescriptor> ToDescriptors(IReadOnlyList<BlobDescriptorJson?> wire, string source) =>
        [.. wire.Select(descriptor => (descriptor ?? throw Corrupt(source, "has an empty descriptor")).ToDescriptor(source))];

    private static ImageDocumentJson ReadJson(ReadOnlySpan<byte> bytes, string source)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, ImageJson.Default.ImageDocumentJson) ?? throw Corrupt(source, "is empty");
        }
        catch (JsonException exception)
        {
            throw new ContainerException(
                ContainerFailure.CorruptImage, $"{char.ToUpperInvariant(source[0])}{source[1..]} is not the JSON that it should be: {exception.Message}", innerException: exception);
        }
    }

    private static string Shorten(string text) => text.Length > 100 ? text[..100] + "…" : text;
}

/// <summary>Names a blob: what it is, its digest and its size (OCI image specification, "Content Descriptors").</summary>
internal sealed record BlobDescriptor(string MediaType, Digest Digest, long Size)
{
    /// <summary>The platform that a manifest in an index is for.</summary>
    public ImagePlatform? Platform { get; init; }

    /// <summary>Notes of whoever made it.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();
}
