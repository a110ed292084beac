using System.Text;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Storage;

/// <summary>Opens files of a workspace for reading, whatever steps have made of it: no symbolic link is followed, nothing outside of it is opened, and nobody waits for a pipe.</summary>
public static unsafe class WorkspaceFile
{
    /// <summary>Opens a file.</summary>
    /// <param name="root">The workspace's directory on this host.</param>
    /// <param name="relative">The file's path in it.</param>
    /// <returns>Null: there is none there, it is no regular file, or a link is in the way.</returns>
    public static FileStream? Open(string root, string relative)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(relative);
        int directory;
        fixed (byte* path = Name(root))
        {
            directory = Libc.OpenAt(Libc.AtCurrentDirectory, path, Libc.PathOnly | Libc.DirectoryOnly | Libc.CloseOnExec, 0);
        }

        if (directory < 0)
        {
            return null;
        }

        using var held = new SafeFileHandle(directory, ownsHandle: true);
        int descriptor;
        fixed (byte* path = Name(relative))
        {
            descriptor = Libc.OpenAt2(directory, path, Libc.ReadOnly | Libc.NonBlocking | Libc.CloseOnExec, Libc.ResolveBeneath | Libc.ResolveNoSymlinks | Libc.ResolveNoMagicLinks);
        }

        if (descriptor < 0)
        {
            return null;
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (IsRegular(descriptor))
        {
            return new FileStream(handle, FileAccess.Read, bufferSize: 0);
        }

        handle.Dispose();
        return null;
    }

    private static bool IsRegular(int descriptor)
    {
        Libc.FileStatus status;
        fixed (byte* empty = Name(""))
        {
            return Libc.Status(descriptor, empty, Libc.AtEmptyPath, Libc.FileStatus.Basic, &status) == 0 && (status.Mode & Libc.TypeMask) == Libc.TypeFile;
        }
    }

    private static byte[] Name(string path) => Encoding.UTF8.GetBytes(path + "\0");
}
