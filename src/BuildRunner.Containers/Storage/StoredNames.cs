using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>Gives images of the store further names.</summary>
internal sealed class StoredNames(StoreParts parts)
{
    /// <summary>Gives an image another name.</summary>
    public async Task TagAsync(ImageReference image, ImageReference name, CancellationToken cancellationToken)
    {
        if (name.Transport != ImageTransport.Docker || name.Digest is not null)
        {
            throw new ContainerException(ContainerFailure.InvalidImage, $"'{name}' cannot be a name: it must be what docker pull takes, without a digest.");
        }

        // Whoever removes things holds the store exclusively: between reading the notes and writing them nothing goes.
        using var held = await StoreLock.AcquireAsync(parts.Layout.StoreLock, shared: true, parts.Time, cancellationToken);
        var notes = Require(parts, image);

        // Who may have a private image is still asked of where it came from.
        parts.Records.Save(notes with { Name = name.ToString(), Source = notes.Grants is null ? notes.Source : notes.Source ?? notes.Name });
    }

    /// <summary>The notes of an image that is here, whole.</summary>
    /// <exception cref="ContainerException">It is not.</exception>
    public static ImageNotes Require(StoreParts parts, ImageReference image) =>
        parts.Records.Find(image) is { } notes && StoredImages.Resolve(parts, image, notes) is not null
            ? notes
            : throw new ContainerException(ContainerFailure.ImageNotFound, $"The image {image} is not on this host. 'buildrunner image ls' lists those that are.");
}
