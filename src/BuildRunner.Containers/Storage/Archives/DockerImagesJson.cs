using System.Text.Json.Serialization;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>One image as <c>manifest.json</c> of an archive of <c>docker save</c> names it; members are spelt with capitals.</summary>
internal sealed record DockerImageJson
{
    [JsonPropertyName("Config")]
    public string? Config { get; init; }

    [JsonPropertyName("RepoTags")]
    public IReadOnlyList<string?>? RepoTags { get; init; }

    [JsonPropertyName("Layers")]
    public IReadOnlyList<string?>? Layers { get; init; }
}

[JsonSourceGenerationOptions(AllowDuplicateProperties = false)]
[JsonSerializable(typeof(IReadOnlyList<DockerImageJson>))]
internal sealed partial class DockerArchiveJson : JsonSerializerContext;
