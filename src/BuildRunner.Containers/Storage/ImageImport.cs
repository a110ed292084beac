using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage.Archives;

namespace BuildRunner.Containers.Storage;

/// <summary>What to import into a store.</summary>
/// <remarks>A folder with an OCI layout, an archive of one, what <c>docker save</c> wrote, or an archive of a file system; archives may be packed with gzip or zstd.</remarks>
public sealed record ImageImport
{
    /// <summary>Path of a folder or an archive.</summary>
    public string Path { get; init; } = "";

    /// <summary>The image as <c>oci:</c>, <c>oci-archive:</c> or <c>docker-archive:</c>, in place of a path.</summary>
    public ImageReference? Reference { get; init; }

    /// <summary>Read in place of a file; it may be a pipe.</summary>
    public Stream? Input { get; init; }

    /// <summary>What the image is to be called; null: what the archive says, for each image that it holds.</summary>
    public ImageReference? Name { get; init; }

    internal LocalImages Open(LocalImageFile files) => Reference is { } reference ? files.Open(reference) : files.OpenAny(Path, Input, Shown);

    /// <summary>Which of the images are meant, and what they are to be called.</summary>
    /// <exception cref="ContainerException">It is not clear.</exception>
    internal IReadOnlyList<(LocalImage Image, ImageReference Name)> Choose(LocalImages images)
    {
        if (Name is { } given)
        {
            return [(images.Choose(Reference?.Tag), given)];
        }

        var many = Reference?.Tag is null && images.Images.Select(image => string.Join(' ', image.Names)).Distinct().Count() > 1;
        var chosen = many ? images.Images : [images.Choose(Reference?.Tag)];
        return [.. chosen.SelectMany(image => NamesOf(image).Select(name => (image, name)))];
    }

    private string Shown => Input is null ? $"the file {Path}" : "standard input";

    // A layout may give the full name and, beside it, the tag alone.
    private List<ImageReference> NamesOf(LocalImage image)
    {
        var names = image.Names
            .Where(text => text.AsSpan().IndexOfAny(':', '/') >= 0)
            .Select(text => ImageReference.TryParse(text, null, out var reference, out _) ? reference : null)
            .OfType<ImageReference>()
            .Where(reference => reference is { Transport: ImageTransport.Docker, Digest: null })
            .Distinct()
            .ToList();
        return names.Count > 0
            ? names
            : throw new ContainerException(
                ContainerFailure.InvalidImage,
                $"{char.ToUpperInvariant(Shown[0])}{Shown[1..]} does not say what its image is called. Give it a name: buildrunner image import FILE NAME");
    }
}
