using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>The images in a folder or archive of this host. To be disposed when they have been read.</summary>
internal abstract class LocalImages : IDisposable
{
    /// <summary>What is in there, in the order in which it stands there.</summary>
    public abstract IReadOnlyList<LocalImage> Images { get; }

    /// <summary>What it is, for messages: "the image oci:/images/tools".</summary>
    public required string Subject { get; init; }

    /// <summary>Where the images' parts can be read.</summary>
    public IBlobSource Blobs => new FileBlobs(Find, Subject);

    /// <summary>The manifest of one image for this host.</summary>
    /// <exception cref="ContainerException">It is damaged, or for other platforms.</exception>
    public abstract ReceivedManifest ManifestOf(LocalImage image);

    /// <summary>The image that is meant by a name, which may leave out the registry that is meant where none is named; without a name, the only image.</summary>
    /// <exception cref="ContainerException">There is none, or it is not clear which.</exception>
    public LocalImage Choose(string? name)
    {
        var fitting = Images.Where(image => name is null || image.Names.Any(own => own == name || TagOf(own) == name || own == $"docker.io/{name}" || own == $"docker.io/library/{name}")).ToList();
        return fitting switch
        {
            [var only] => only,
            [] when Images.Count == 0 => throw ImageDocument.Corrupt(Subject, "holds no image"),
            [] => throw new ContainerException(
                ContainerFailure.ImageNotFound, $"There is no '{name}' in {Subject}; it holds {Shown()}."),
            // The same image for several platforms, or twice under one name.
            _ when fitting.TrueForAll(image => image.Names.SequenceEqual(fitting[0].Names)) => ChooseByPlatform(fitting),
            _ => throw new ContainerException(
                ContainerFailure.InvalidImage, $"{Subject} holds several images: {Shown()}. Say which one, by ':' and its name at the end."),
        };
    }

    /// <summary>An image with all its parts, which can be read while this object lives.</summary>
    /// <exception cref="ContainerException">It is damaged, or for other platforms.</exception>
    public WholeImage ToWhole(LocalImage image, string? name, ImageLimits limits)
    {
        var manifest = ManifestOf(image);
        var document = ImageDocument.Parse(manifest.Bytes, manifest.MediaType, $"the manifest of {Subject}") as ImageDocument.Manifest
            ?? throw ImageDocument.Corrupt($"the manifest of {Subject}", "is an index where an image was promised");
        using var content = Open(document.Config.Digest);
        var config = content.ReadAll(limits.MaxConfigBytes, $"the configuration of {Subject}");
        if (StoreParts.DigestOf(config) != document.Config.Digest)
        {
            throw ImageDocument.Corrupt($"the configuration of {Subject}", $"does not have the digest {document.Config.Digest} that the manifest promises");
        }

        if (document.Layers.Count > limits.MaxLayers || document.Layers.Count != ImageConfigDocument.Parse(config, $"the configuration of {Subject}").DiffIds.Count)
        {
            throw ImageDocument.Corrupt($"the manifest of {Subject}", $"has {document.Layers.Count} layers: more than {limits.MaxLayers}, or not those of its configuration");
        }

        return new WholeImage(manifest, config, Open, name);
    }

    public abstract void Dispose();

    /// <summary>What is said to have a digest; null if there is nothing. Whoever reads it finds out what it has.</summary>
    protected abstract BlobContent? Find(Digest digest);

    /// <summary>Of images that have the same names, the one for this host.</summary>
    protected virtual LocalImage ChooseByPlatform(IReadOnlyList<LocalImage> images) => images[^1];

    private BlobContent Open(Digest digest) => Find(digest) ?? throw ImageDocument.Corrupt(Subject, $"lacks its part {digest}");

    private string Shown() => string.Join(", ", Images.Take(20).Select(image => image.Names is [var first, ..] ? first : image.Id));

    private static string TagOf(string name) => name.LastIndexOf(':') is var colon and >= 0 && colon > name.LastIndexOf('/') ? name[(colon + 1)..] : name;
}

/// <summary>One image of a folder or archive.</summary>
/// <param name="Id">Names it within the folder or archive.</param>
/// <param name="Names">The names that it has there, as they stand there.</param>
internal sealed record LocalImage(string Id, IReadOnlyList<string> Names);
