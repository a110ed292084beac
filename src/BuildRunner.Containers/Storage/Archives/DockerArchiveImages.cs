using System.Security.Cryptography;
using System.Text.Json;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>The images in an archive that <c>docker save</c> wrote.</summary>
/// <remarks>
/// Such an archive has no manifest that a digest could promise, so one is made: its layers are the archives themselves, which the configuration names by digest.
/// The same archive always gives the same manifest.
/// </remarks>
internal sealed class DockerArchiveImages : LocalImages
{
    public const string ManifestFile = "manifest.json";

    private readonly IImageFiles _files;
    private readonly ImageLimits _limits;
    private readonly Dictionary<Digest, string> _names = [];
    private readonly IReadOnlyList<DockerImageJson> _wire;

    private DockerArchiveImages(IImageFiles files, IReadOnlyList<DockerImageJson> wire, ImageLimits limits)
    {
        (_files, _wire, _limits) = (files, wire, limits);
        Images = [.. wire.Select((image, at) => new LocalImage($"image {at + 1}", [.. (image.RepoTags ?? []).OfType<string>()]))];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<LocalImage> Images { get; }

    /// <summary>Reads which images an archive has; takes over the files.</summary>
    /// <exception cref="ContainerException">It is no such archive.</exception>
    public static DockerArchiveImages Open(IImageFiles files, ImageLimits limits, string subject)
    {
        try
        {
            using var content = files.Find(ManifestFile)
                ?? throw ImageDocument.Corrupt(subject, $"is not what docker save writes: it has no {ManifestFile}");
            var source = $"the {ManifestFile} of {subject}";
            var wire = JsonSerializer.Deserialize(content.ReadAll(limits.MaxManifestBytes, source), DockerArchiveJson.Default.IReadOnlyListDockerImageJson);
            return wire is not null && wire.All(image => image is not null)
                ? new DockerArchiveImages(files, wire, limits) { Subject = subject }
                : throw ImageDocument.Corrupt(source, "is empty");
        }
        catch (JsonException exception)
        {
            files.Dispose();
            throw ImageDocument.Corrupt($"the {ManifestFile} of {subject}", $"is not the JSON that it should be: {exception.Message}");
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override ReceivedManifest ManifestOf(LocalImage image)
    {
        var wire = _wire[Images.ToList().FindIndex(own => own.Id == image.Id)];
        using var content = wire.Config is { Length: > 0 } name ? _files.Find(name) : null;
        var bytes = (content ?? throw ImageDocument.Corrupt(Subject, "lacks the configuration of its image")).ReadAll(_limits.MaxConfigBytes, $"the configuration of {Subject}");
        var config = ImageConfigDocument.Parse(bytes, $"the configuration of {Subject}");
        var layers = wire.Layers ?? [];
        if (layers.Count != config.DiffIds.Count)
        {
            throw ImageDocument.Corrupt(Subject, $"has {layers.Count} layers where its configuration has {config.DiffIds.Count}");
        }

        var digest = StoreParts.DigestOf(bytes);
        _names[digest] = wire.Config!;
        return ManifestBytes.Create(
            new BlobDescriptor(ImageDocument.OciConfig, digest, bytes.Length),
            [.. layers.Zip(config.DiffIds, (layer, diffId) => DescribeLayer(layer, diffId))]);
    }

    public override void Dispose() => _files.Dispose();

    /// <inheritdoc/>
    protected override BlobContent? Find(Digest digest) => _names.TryGetValue(digest, out var name) ? _files.Find(name) : null;

    private BlobDescriptor DescribeLayer(string? name, Digest diffId)
    {
        using var content = (name is { Length: > 0 } ? _files.Find(name) : null) ?? throw ImageDocument.Corrupt(Subject, $"lacks the layer {diffId}");
        var start = new byte[4];
        _ = content.Read(start, 0);
        var packing = LayerPacking.Of(start);
        // A plain layer is checked against its digest when it is read; of a packed one, only the unpacked digest is known.
        var digest = packing == LayerPacking.None ? diffId : Hash(content);
        _names[digest] = name!;
        return new BlobDescriptor(LayerPacking.MediaTypeOf(packing), digest, content.Length);
    }

    private static Digest Hash(BlobContent content)
    {
        using var stream = content.ToStream();
        return Digest.FromHash(SHA256.HashData(stream));
    }
}
