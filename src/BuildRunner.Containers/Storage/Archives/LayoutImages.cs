using System.Security.Cryptography;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>The images of an OCI layout (OCI image specification, "Image Layout"), in a folder or an archive.</summary>
internal sealed class LayoutImages : LocalImages
{
    public const string IndexFile = "index.json";
    public const string MarkFile = "oci-layout";
    public const string NameAnnotation = "org.opencontainers.image.ref.name";
    public const string FullNameAnnotation = "io.containerd.image.name";

    private readonly IImageFiles _files;
    private readonly ImageLimits _limits;
    private readonly List<(LocalImage Image, BlobDescriptor Descriptor)> _images = [];

    private LayoutImages(IImageFiles files, ImageLimits limits) => (_files, _limits) = (files, limits);

    /// <inheritdoc/>
    public override IReadOnlyList<LocalImage> Images => [.. _images.Select(image => image.Image)];

    /// <summary>Where a layout keeps a blob.</summary>
    public static string PathOf(Digest digest) => $"blobs/sha256/{digest.Hex}";

    /// <summary>Reads a layout's index; takes over the files.</summary>
    /// <exception cref="ContainerException">It is no layout.</exception>
    public static LayoutImages Open(IImageFiles files, ImageLimits limits, string subject)
    {
        try
        {
            var layout = new LayoutImages(files, limits) { Subject = subject };
            using var content = files.Find(IndexFile) ?? throw ImageDocument.Corrupt(subject, $"is no OCI layout: it has no {IndexFile}");
            var source = $"the {IndexFile} of {subject}";
            var index = ImageDocument.Parse(content.ReadAll(limits.MaxManifestBytes, source), null, source) as ImageDocument.Index
                ?? throw ImageDocument.Corrupt(source, "is no index");
            layout._images.AddRange(index.Manifests.Select(manifest => (new LocalImage(manifest.Digest.ToString(), NamesOf(manifest)), manifest)));
            return layout;
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
        var received = Read(_images.First(own => own.Image.Id == image.Id).Descriptor);
        for (var steps = 0; steps < 3; steps++)
        {
            if (ImageDocument.Parse(received.Bytes, received.MediaType, $"the manifest of {Subject}") is not ImageDocument.Index index)
            {
                return received;
            }

            received = Read(PlatformChoice.Choose(index, ImagePlatform.Host, Subject));
        }

        throw ImageDocument.Corrupt($"the manifest of {Subject}", "is an index of indexes of indexes");
    }

    public override void Dispose() => _files.Dispose();

    /// <inheritdoc/>
    protected override BlobContent? Find(Digest digest) => _files.Find(PathOf(digest));

    /// <inheritdoc/>
    protected override LocalImage ChooseByPlatform(IReadOnlyList<LocalImage> images)
    {
        var descriptors = images.Select(image => _images.First(own => own.Image.Id == image.Id).Descriptor).ToList();
        if (descriptors.TrueForAll(descriptor => descriptor.Platform is null))
        {
            return images[^1];
        }

        var chosen = PlatformChoice.Choose(new ImageDocument.Index(descriptors), ImagePlatform.Host, Subject);
        return images.First(image => image.Id == chosen.Digest.ToString());
    }

    private ReceivedManifest Read(BlobDescriptor descriptor)
    {
        var source = $"the manifest of {Subject}";
        using var content = _files.Find(PathOf(descriptor.Digest)) ?? throw ImageDocument.Corrupt(Subject, $"lacks its manifest {descriptor.Digest}");
        var bytes = content.ReadAll(_limits.MaxManifestBytes, source);
        return Digest.FromHash(SHA256.HashData(bytes)) == descriptor.Digest
            ? new ReceivedManifest(bytes, descriptor.Digest, descriptor.MediaType.Length > 0 ? descriptor.MediaType : null)
            : throw ImageDocument.Corrupt(source, $"does not have the digest {descriptor.Digest} that the index promises");
    }

    private static List<string> NamesOf(BlobDescriptor manifest) =>
        [.. new[] { FullNameAnnotation, NameAnnotation }.Select(key => manifest.Annotations.GetValueOrDefault(key)).OfType<string>().Where(name => name.Length > 0).Distinct()];
}
