using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage.Archives;

namespace BuildRunner.Containers.Storage;

/// <summary>Writes images of the store to files.</summary>
internal sealed class ImageExporting(StoreParts parts)
{
    public async Task RunAsync(ImageReference image, ImageExport export, CancellationToken cancellationToken)
    {
        var (whole, lease) = await new StoredTransfers(parts).OpenAsync(image, null, cancellationToken);
        using (lease)
        {
            await Task.Run(() => Write(whole, export, SizeOf, parts.Options.Limits, cancellationToken), cancellationToken);
        }
    }

    /// <summary>Writes an image as it is asked for.</summary>
    public static void Write(WholeImage image, ImageExport export, Func<Digest, long?> sizeOf, ImageLimits limits, CancellationToken cancellationToken)
    {
        if (export.Format == ImageFormat.OciLayout)
        {
            var folder = export.Path ?? throw new ContainerException(ContainerFailure.InvalidImage, "An OCI layout is a folder: name one. For a stream use the format oci-archive.");
            LayoutWriter.WriteFolder(image, folder, limits, cancellationToken);
            return;
        }

        if (export.Output is { } output)
        {
            WriteTo(output);
            return;
        }

        var path = export.Path ?? throw new ArgumentException("Neither a path nor a stream is given.", nameof(export));
        var fresh = $"{path}.{Guid.NewGuid():N}.new";
        try
        {
            using (var file = new FileStream(fresh, FileMode.CreateNew, FileAccess.Write, FileShare.Read, 256 * 1024))
            {
                WriteTo(file);
            }

            File.Move(fresh, path, overwrite: true);
        }
        catch (DirectoryNotFoundException)
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"The image cannot be written to {path}: its folder does not exist.");
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException || (exception is IOException && Directory.Exists(path)))
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"The image cannot be written to {path}: {exception.Message}");
        }
        catch (IOException exception)
        {
            throw StorageErrors.Host(exception, "write the image", path);
        }
        finally
        {
            // Deleting in a folder that does not exist is an error of its own, which would hide what was wrong.
            if (File.Exists(fresh))
            {
                File.Delete(fresh);
            }
        }

        void WriteTo(Stream stream)
        {
            if (export.Format == ImageFormat.DockerArchive)
            {
                DockerArchiveWriter.Write(image, stream, sizeOf, limits, cancellationToken);
            }
            else
            {
                LayoutWriter.WriteArchive(image, stream, cancellationToken);
            }
        }
    }

    private long? SizeOf(Digest diffId) => parts.Layers.Find(diffId)?.Bytes;
}
