using System.Text.Json.Serialization;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Cli.Images;

/// <summary>An image as <c>--json</c> prints it.</summary>
internal sealed record ImageRow(
    string Name,
    string Manifest,
    string? Index,
    string Config,
    int? Layers,
    long Bytes,
    DateTimeOffset? Created,
    DateTimeOffset? PulledAt,
    DateTimeOffset? LastUsedAt)
{
    public static ImageRow From(StoredImage image) => new(
        image.Name,
        image.Manifest.ToString(),
        image.Index?.ToString(),
        image.Config.ToString(),
        image.Layers,
        image.Bytes,
        image.Created,
        image.PulledAt,
        image.LastUsedAt);
}

/// <summary>What a pruning removed, as <c>--json</c> prints it.</summary>
internal sealed record PruneRow(IReadOnlyList<string> Images, int Layers, long Bytes);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyList<ImageRow>))]
[JsonSerializable(typeof(PruneRow))]
internal sealed partial class ImageJson : JsonSerializerContext;
