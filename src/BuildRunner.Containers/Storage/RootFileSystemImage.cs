using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>A directory tree of this host as an image: nothing to load, no configuration.</summary>
internal static class RootFileSystemImage
{
    /// <summary>The image.</summary>
    /// <exception cref="ContainerException">There is no such directory.</exception>
    public static ResolvedImage Resolve(ImageReference image)
    {
        var path = image.Location;
        if (!Path.IsPathFullyQualified(path))
        {
            throw new ContainerException(ContainerFailure.InvalidImage, $"The path of {image} must be absolute.");
        }

        if (!Directory.Exists(path))
        {
            var what = File.Exists(path) ? "is a file, not a directory" : "does not exist";
            throw new ContainerException(ContainerFailure.ImageNotFound, $"The directory {path} of the image {image} {what}.");
        }

        return new ResolvedImage(image, null, new ImageConfig { Architecture = ImagePlatform.Host.Architecture }) { LayerDirectories = [path] };
    }
}
