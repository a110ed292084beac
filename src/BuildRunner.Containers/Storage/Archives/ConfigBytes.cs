using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Writes configurations of images. Members that this program does not know stay what they were.</summary>
internal static class ConfigBytes
{
    private static readonly ImageNodes Json = new(new JsonSerializerOptions(ImageNodes.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>The configuration of an image without layers, for this host.</summary>
    public static JsonObject OfHost() => new()
    {
        ["architecture"] = ImagePlatform.Host.Architecture,
        ["os"] = ImagePlatform.Host.OperatingSystem,
        ["config"] = new JsonObject(),
        ["rootfs"] = new JsonObject { ["type"] = "layers", ["diff_ids"] = new JsonArray() },
    };

    /// <summary>Reads a configuration that was checked already.</summary>
    public static JsonObject Read(byte[] bytes, string source)
    {
        try
        {
            return JsonNode.Parse(bytes, null, new JsonDocumentOptions { AllowDuplicateProperties = false }) as JsonObject ?? throw ImageDocument.Corrupt(source, "is no JSON object");
        }
        catch (JsonException exception)
        {
            throw ImageDocument.Corrupt(source, $"is not the JSON that it should be: {exception.Message}");
        }
    }

    /// <summary>The configuration with a layer more.</summary>
    /// <param name="config">What it is made from; changed.</param>
    /// <param name="diffId">The digest of the layer's archive.</param>
    /// <param name="maker">What made the layer, for the image's history.</param>
    /// <param name="created">When; null: at the beginning of time, so that the same content gives the same image.</param>
    public static byte[] Create(JsonObject config, Digest diffId, string maker, DateTimeOffset? created)
    {
        var when = (created ?? DateTimeOffset.UnixEpoch).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'");
        config["created"] = when;

        if (config["rootfs"] is not JsonObject root || root["diff_ids"] is not JsonArray diffIds)
        {
            throw ImageDocument.Corrupt("the configuration of the image", "lists no layers");
        }

        if (config["history"] is not JsonArray history)
        {
            config["history"] = history = [];
        }

        // Other builders refuse an image whose history does not account for every layer; to leave it out is allowed.
        for (var known = history.Count(step => (step as JsonObject)?["empty_layer"]?.GetValueKind() != JsonValueKind.True); known < diffIds.Count; known++)
        {
            history.Add((JsonNode)new JsonObject { ["created"] = when, ["created_by"] = "unknown" });
        }

        diffIds.Add((JsonNode)diffId.ToString());
        history.Add((JsonNode)new JsonObject { ["created"] = when, ["created_by"] = maker });
        return JsonSerializer.SerializeToUtf8Bytes(config, Json.JsonObject);
    }
}
