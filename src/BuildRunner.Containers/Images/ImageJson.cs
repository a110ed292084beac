using System.Text.Json;
using System.Text.Json.Serialization;

namespace BuildRunner.Containers.Images;

/// <summary>Manifest and index as they stand in JSON; what is missing is null.</summary>
internal sealed record ImageDocumentJson
{
    public int SchemaVersion { get; init; }

    public string? MediaType { get; init; }

    public BlobDescriptorJson? Config { get; init; }

    public IReadOnlyList<BlobDescriptorJson>? Layers { get; init; }

    public IReadOnlyList<BlobDescriptorJson>? Manifests { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }
}

/// <summary>A descriptor as it stands in JSON.</summary>
internal sealed record BlobDescriptorJson
{
    public string? MediaType { get; init; }

    public string? Digest { get; init; }

    public long Size { get; init; }

    public PlatformJson? Platform { get; init; }

    public IReadOnlyDictionary<string, string>? Annotations { get; init; }

    public BlobDescriptor ToDescriptor(string source)
    {
        if (!Images.Digest.TryParse(Digest, out var digest))
        {
            throw ImageDocument.Corrupt(source, "has a digest that is not 'sha256:' and 64 hexadecimal digits");
        }

        if (Size < 0)
        {
            throw ImageDocument.Corrupt(source, "has a negative size");
        }

        return new BlobDescriptor(MediaType ?? "", digest, Size)
        {
            Platform = Platform is { Os: { } os, Architecture: { } architecture } ? new ImagePlatform(os, architecture, Platform.Variant) : null,
            Annotations = Annotations ?? new Dictionary<string, string>(),
        };
    }

    public static BlobDescriptorJson From(BlobDescriptor descriptor) => new()
    {
        MediaType = descriptor.MediaType,
        Digest = descriptor.Digest.ToString(),
        Size = descriptor.Size,
        Platform = descriptor.Platform is { } platform ? new PlatformJson(platform.OperatingSystem, platform.Architecture, platform.Variant) : null,
        Annotations = descriptor.Annotations.Count > 0 ? descriptor.Annotations : null,
    };
}

/// <summary>A platform as it stands in JSON.</summary>
internal sealed record PlatformJson(string? Os, string? Architecture, string? Variant);

/// <summary>An image configuration as it stands in JSON (OCI image specification, "config").</summary>
internal sealed record ImageConfigJson
{
    public string? Os { get; init; }

    public string? Architecture { get; init; }

    public string? Variant { get; init; }

    public DateTimeOffset? Created { get; init; }

    public ContainerConfigJson? Config { get; init; }

    [JsonPropertyName("rootfs")]
    public RootFileSystemJson? RootFileSystem { get; init; }
}

/// <summary>Its member <c>rootfs</c>.</summary>
internal sealed record RootFileSystemJson([property: JsonPropertyName("diff_ids")] IReadOnlyList<string>? DiffIds);

/// <summary>Its member <c>config</c>, whose members are spelt with capitals.</summary>
internal sealed record ContainerConfigJson
{
    [JsonPropertyName("User")]
    public string? User { get; init; }

    [JsonPropertyName("Env")]
    public IReadOnlyList<string>? Env { get; init; }

    [JsonPropertyName("Entrypoint")]
    public IReadOnlyList<string>? Entrypoint { get; init; }

    [JsonPropertyName("Cmd")]
    public IReadOnlyList<string>? Cmd { get; init; }

    [JsonPropertyName("WorkingDir")]
    public string? WorkingDir { get; init; }

    [JsonPropertyName("StopSignal")]
    public string? StopSignal { get; init; }

    [JsonPropertyName("Labels")]
    public IReadOnlyDictionary<string, string>? Labels { get; init; }

    [JsonPropertyName("Volumes")]
    public IReadOnlyDictionary<string, JsonElement>? Volumes { get; init; }

    [JsonPropertyName("ExposedPorts")]
    public IReadOnlyDictionary<string, JsonElement>? ExposedPorts { get; init; }

    [JsonPropertyName("Healthcheck")]
    public HealthCheckJson? Healthcheck { get; init; }
}

/// <summary>A health check; times in nanoseconds, 0 means the default.</summary>
internal sealed record HealthCheckJson
{
    [JsonPropertyName("Test")]
    public IReadOnlyList<string>? Test { get; init; }

    [JsonPropertyName("Interval")]
    public long Interval { get; init; }

    [JsonPropertyName("Timeout")]
    public long Timeout { get; init; }

    [JsonPropertyName("StartPeriod")]
    public long StartPeriod { get; init; }

    [JsonPropertyName("Retries")]
    public int Retries { get; init; }
}

/// <summary>Reads and writes the documents of images.</summary>
/// <remarks>A member that stands there twice is refused: programs differ in which one they take.</remarks>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    AllowDuplicateProperties = false)]
[JsonSerializable(typeof(ImageDocumentJson))]
[JsonSerializable(typeof(ImageConfigJson))]
internal sealed partial class ImageJson : JsonSerializerContext;
