using System.Text.Json;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>All that the store knows of an image.</summary>
/// <param name="Image">What lists show.</param>
/// <param name="Manifest">The manifest as received.</param>
/// <param name="Config">The configuration as received.</param>
/// <param name="Layers">The layers, lowest first.</param>
public sealed record ImageDetails(StoredImage Image, byte[] Manifest, byte[] Config, IReadOnlyList<LayerDetails> Layers)
{
    /// <summary>As a document for people and programs: UTF-8, indented.</summary>
    public byte[] ToJson()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Indented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("name", Image.Name);
            json.WriteString("manifest", Image.Manifest.ToString());
            if (Image.Index is { } index)
            {
                json.WriteString("index", index.ToString());
            }

            json.WriteString("config", Image.Config.ToString());
            json.WriteString("pulledAt", Image.PulledAt ?? default);
            json.WriteString("lastUsedAt", Image.LastUsedAt ?? default);
            json.WriteNumber("bytes", Image.Bytes);
            WriteLayers(json);
            json.WritePropertyName("image");
            json.WriteRawValue(Config);
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }

    private void WriteLayers(Utf8JsonWriter json)
    {
        json.WriteStartArray("layers");
        foreach (var layer in Layers)
        {
            json.WriteStartObject();
            json.WriteString("digest", layer.Digest.ToString());
            json.WriteString("diffId", layer.DiffId.ToString());
            json.WriteString("mediaType", layer.MediaType);
            json.WriteNumber("size", layer.Size);
            json.WriteNumber("bytes", layer.Bytes);
            json.WriteNumber("entries", layer.Entries);
            json.WriteString("directory", layer.Directory);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}

/// <summary>One layer of an image.</summary>
/// <param name="Digest">The digest of its transfer.</param>
/// <param name="DiffId">The digest of its archive.</param>
public sealed record LayerDetails(Digest Digest, Digest DiffId)
{
    /// <summary>How it is transferred.</summary>
    public required string MediaType { get; init; }

    /// <summary>Bytes of its transfer.</summary>
    public long Size { get; init; }

    /// <summary>Bytes of its archive.</summary>
    public long Bytes { get; init; }

    /// <summary>Entries of its archive.</summary>
    public int Entries { get; init; }

    /// <summary>Where it is unpacked.</summary>
    public required string Directory { get; init; }
}
