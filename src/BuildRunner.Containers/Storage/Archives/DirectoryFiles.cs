using System.Runtime.InteropServices;
using System.Text;
using BuildRunner.Containers.Engine;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>The files below a folder. Links are followed only as long as they stay in it; pipes and devices are no files.</summary>
internal sealed unsafe class DirectoryFiles : IImageFiles
{
    private readonly string _path;
    private readonly int _directory;

    /// <summary>Opens a folder, which may be reached by links.</summary>
    /// <exception cref="ContainerException">There is none.</exception>
    public DirectoryFiles(string path, string subject)
    {
        _path = path;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            _directory = Libc.OpenAt(Libc.AtCurrentDirectory, name, Libc.ReadOnly | Libc.DirectoryOnly | Libc.CloseOnExec, 0);
        }

        if (_directory < 0)
        {
            throw Marshal.GetLastPInvokeError() switch
            {
                StorageErrors.NoEntry => new ContainerException(ContainerFailure.ImageNotFound, $"The folder {path} of {subject} does not exist."),
                StorageErrors.NotDirectory => new ContainerException(ContainerFailure.ImageNotFound, $"{path} of {subject} is a file, not a folder with an OCI layout. For an archive write oci-archive: or docker-archive:."),
                var errno => new ContainerException(ContainerFailure.ImageNotFound, $"The folder {path} of {subject} cannot be read: {StorageErrors.Describe(errno)}."),
            };
        }
    }

    /// <inheritdoc/>
    public BlobContent? Find(string name)
    {
        int file;
        fixed (byte* bytes = Encoding.UTF8.GetBytes(name + "\0"))
        {
            // Not blocking: a pipe in a file's place would keep us for ever.
            file = Libc.OpenAt2(_directory, bytes, Libc.ReadOnly | Libc.CloseOnExec | Libc.NonBlocking, Libc.ResolveBeneath | Libc.ResolveNoMagicLinks);
        }

        if (file < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            return errno is StorageErrors.NoEntry or StorageErrors.NotDirectory
                ? null
                : throw new ContainerException(ContainerFailure.CorruptImage, $"The file {name} in {_path} cannot be read: {StorageErrors.Describe(errno)}.");
        }

        Libc.FileStatus status;
        fixed (byte* empty = "\0"u8)
        {
            if (Libc.Status(file, empty, Libc.AtEmptyPath, Libc.FileStatus.Basic, &status) == 0 && (status.Mode & Libc.TypeMask) == Libc.TypeFile)
            {
                return BlobContent.Of(new SafeFileHandle(file, ownsHandle: true));
            }
        }

        _ = Libc.Close(file);
        throw new ContainerException(ContainerFailure.CorruptImage, $"{name} in {_path} is not a file.");
    }

    public void Dispose() => _ = Libc.Close(_directory);
}
