using System.Runtime.InteropServices;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage.Tar;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Opens what a person names as an image of this host.</summary>
/// <param name="limits">What is refused.</param>
/// <param name="temporary">A folder for copies of what cannot be read in place: packed archives and pipes. Nothing stays there, also after a kill.</param>
internal sealed class LocalImageFile(ImageLimits limits, string temporary)
{
    private readonly ScratchFiles _scratch = new(temporary);

    /// <summary>Opens the images of a reference with a path.</summary>
    /// <exception cref="ContainerException">There is nothing, or something else.</exception>
    public LocalImages Open(ImageReference image)
    {
        var subject = $"the image {image}";
        return image.Transport switch
        {
            ImageTransport.OciLayout => LayoutImages.Open(new DirectoryFiles(image.Location, subject), limits, subject),
            ImageTransport.OciArchive => LayoutImages.Open(OpenArchive(image.Location, subject), limits, subject),
            ImageTransport.DockerArchive => DockerArchiveImages.Open(OpenArchive(image.Location, subject), limits, subject),
            _ => throw new ArgumentException($"{image} is not in a file of this host.", nameof(image)),
        };
    }

    /// <summary>Opens a folder or archive whatever it holds: an OCI layout, what <c>docker save</c> wrote, or a file system.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="input">Read in its place; null: the path is.</param>
    /// <param name="shown">How to name it to a person.</param>
    public LocalImages OpenAny(string path, Stream? input, string shown)
    {
        if (input is null && Directory.Exists(path))
        {
            return LayoutImages.Open(new DirectoryFiles(path, shown), limits, shown);
        }

        using var file = input is null ? OpenFile(path, shown) : _scratch.Copy(input, limits.MaxUnpackedLayerBytes, shown);
        var plain = Plain(file, shown);
        try
        {
            var files = ArchiveFiles.Read(plain);
            if (files is not null && files.Contains(LayoutImages.IndexFile) && files.Contains(LayoutImages.MarkFile))
            {
                return LayoutImages.Open(files, limits, shown);
            }

            if (files is not null && files.Contains(DockerArchiveImages.ManifestFile) && LooksLikeImages(files))
            {
                return DockerArchiveImages.Open(files, limits, shown);
            }

            var transfer = IsPacked(file) ? Duplicate(file) : _scratch.Compress(plain);
            using (plain)
            {
                return RootFileSystemImages.Create(transfer, plain, shown);
            }
        }
        catch (TarFormatException exception)
        {
            plain.Dispose();
            throw Damaged(shown, exception);
        }
        catch
        {
            plain.Dispose();
            throw;
        }
    }

    private ArchiveFiles OpenArchive(string path, string subject)
    {
        using var original = OpenFile(path, subject);
        var file = Plain(original, subject);
        try
        {
            return ArchiveFiles.Read(file) ?? throw ImageDocument.Corrupt(subject, "has more entries than an archive of images has; to import a file system, use: buildrunner image import FILE NAME");
        }
        catch (TarFormatException exception)
        {
            file.Dispose();
            throw Damaged(subject, exception);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    // A file system may hold a manifest.json of its own.
    private bool LooksLikeImages(ArchiveFiles files)
    {
        using var content = files.Find(DockerArchiveImages.ManifestFile);
        if (content is null || content.Length > limits.MaxManifestBytes)
        {
            return false;
        }

        var text = System.Text.Encoding.UTF8.GetString(content.ReadAll(limits.MaxManifestBytes, "manifest.json"));
        return text.TrimStart().StartsWith('[') && text.Contains("\"Layers\"", StringComparison.Ordinal);
    }

    // The file may be all that the subject is.
    private static string Which(string path, string subject) => subject == $"the file {path}" ? $"The file {path}" : $"The file {path} of {subject}";

    private static SafeFileHandle OpenFile(string path, string subject)
    {
        if (Directory.Exists(path))
        {
            throw new ContainerException(ContainerFailure.InvalidImage, $"{path} of {subject} is a folder, not an archive. For a folder with an OCI layout write oci:{path}.");
        }

        try
        {
            // A pipe would keep us waiting, and cannot be read twice.
            if (File.Exists(path) && !IsRegular(path))
            {
                throw new ContainerException(ContainerFailure.InvalidImage, $"{path} of {subject} is not a file. To read from a pipe, use: buildrunner image import - NAME");
            }

            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ContainerException(ContainerFailure.ImageNotFound, $"{Which(path, subject)} does not exist.", innerException: exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ContainerException(ContainerFailure.ImageNotFound, $"{Which(path, subject)} cannot be read: {exception.Message}", innerException: exception);
        }
    }

    private static unsafe bool IsRegular(string path)
    {
        Libc.FileStatus status;
        fixed (byte* name = System.Text.Encoding.UTF8.GetBytes(path + "\0"))
        {
            return Libc.Status(Libc.AtCurrentDirectory, name, 0, Libc.FileStatus.Basic, &status) == 0 && (status.Mode & Libc.TypeMask) == Libc.TypeFile;
        }
    }

    // The archive as it can be read at any place: itself, or unpacked into a file without a name. The caller disposes both.
    private SafeFileHandle Plain(SafeFileHandle file, string subject)
    {
        if (!IsPacked(file))
        {
            return Duplicate(file);
        }

        using var packed = BlobContent.Of(Duplicate(file));
        using var stream = packed.ToStream();
        using var plain = LayerPacking.Unpack(stream);
        try
        {
            return _scratch.Copy(plain, limits.UnpackedBytesFor(packed.Length), subject);
        }
        catch (Exception exception) when (exception is InvalidDataException or ZstdSharp.ZstdException)
        {
            throw Damaged(subject, new TarFormatException("its compression is damaged or cut off"));
        }
    }

    private static bool IsPacked(SafeFileHandle file)
    {
        var start = new byte[4];
        _ = RandomAccess.Read(file, start, 0);
        return LayerPacking.Of(start) != LayerPacking.None;
    }

    private static SafeFileHandle Duplicate(SafeFileHandle file) => Libc.Duplicate((int)file.DangerousGetHandle()) is var copy and >= 0
        ? new SafeFileHandle(copy, ownsHandle: true)
        : throw StorageErrors.Host(Marshal.GetLastPInvokeError(), "open an archive", "this process");

    private static ContainerException Damaged(string subject, TarFormatException exception) =>
        new(ContainerFailure.CorruptImage, $"{char.ToUpperInvariant(subject[0])}{subject[1..]} cannot be read: {exception.Message}.", innerException: exception);
}
