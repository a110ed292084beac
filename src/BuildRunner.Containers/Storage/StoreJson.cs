using System.Text.Json;
using System.Text.Json.Serialization;

namespace BuildRunner.Containers.Storage;

/// <summary>What the store notes about a layer that is unpacked.</summary>
internal sealed record LayerNotes
{
    /// <summary>Bytes of the archive.</summary>
    public long Bytes { get; init; }

    public int Entries { get; init; }

    /// <summary>The boot of this host during which it was written: until it is <see cref="Durable"/>, a power cut may have torn it.</summary>
    public string? Boot { get; init; }

    /// <summary>True once it is known to be on the disk.</summary>
    public bool Durable { get; init; }

    /// <summary>The transfers that were seen to unpack to this layer.</summary>
    public IReadOnlyList<LayerTransfer> Transfers { get; init; } = [];
}

/// <summary>One way in which a layer was transferred.</summary>
internal sealed record LayerTransfer
{
    public required string Digest { get; init; }

    public required string MediaType { get; init; }

    public long Size { get; init; }

    /// <summary>True if it was had without credentials, or from files of this host.</summary>
    public bool Public { get; init; }

    /// <summary>The repositories that gave it.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];
}

/// <summary>What the store notes about a reference.</summary>
internal sealed record ImageNotes
{
    /// <summary>The reference as a person writes it.</summary>
    public required string Name { get; init; }

    /// <summary>The manifest's digest, and the index's through which it was found.</summary>
    public required string Manifest { get; init; }

    public required string MediaType { get; init; }

    public string? Index { get; init; }

    public required string Config { get; init; }

    /// <summary>Diff ids, lowest first.</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>Bytes of all layers' archives.</summary>
    public long Bytes { get; init; }

    public DateTimeOffset? Created { get; init; }

    public DateTimeOffset PulledAt { get; init; }

    /// <summary>The reference whose registry is asked who may have it, if it is not <see cref="Name"/>.</summary>
    public string? Source { get; init; }

    /// <summary>Who may have it without the registry being asked again; null: everybody.</summary>
    public IReadOnlyList<ImageGrant>? Grants { get; init; }
}

/// <summary>The registry gave an image to somebody.</summary>
/// <param name="Holder">A keyed hash of the credentials; <c>-</c> for a stranger.</param>
/// <param name="At">When the registry was asked last.</param>
internal sealed record ImageGrant(string Holder, DateTimeOffset At);

/// <summary>Reads and writes the store's notes. A note that cannot be read counts as not there.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LayerNotes))]
[JsonSerializable(typeof(ImageNotes))]
internal sealed partial class StoreJson : JsonSerializerContext
{
    /// <summary>Reads a note; null if there is none, or it was torn by a power cut.</summary>
    public static T? Read<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes a note; whoever reads sees the old one or the new one.</summary>
    public static void Write<T>(string path, T value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        var fresh = $"{path}.{Guid.NewGuid():N}.new";
        try
        {
            File.WriteAllBytes(fresh, JsonSerializer.SerializeToUtf8Bytes(value, type));
            File.Move(fresh, path, overwrite: true);
        }
        catch (IOException exception)
        {
            File.Delete(fresh);
            throw StorageErrors.Host(exception, "write its notes", path);
        }
    }
}
