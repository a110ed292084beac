using System.Runtime.InteropServices;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage;

/// <summary>The directory into which a layer is unpacked. Every path is resolved by the kernel and cannot leave it; a path's last part is never followed.</summary>
internal sealed unsafe class LayerTree : IDisposable
{
    private readonly string _directory;

    /// <summary>Opens an existing directory.</summary>
    public LayerTree(string directory)
    {
        _directory = directory;
        fixed (byte* path = System.Text.Encoding.UTF8.GetBytes(directory + "\0"))
        {
            Root = Libc.OpenAt(Libc.AtCurrentDirectory, path, Libc.ReadOnly | Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
        }

        if (Root < 0)
        {
            throw StorageErrors.Host(Marshal.GetLastPInvokeError(), "open a layer's folder", directory);
        }

        Parents = new LayerParents(this);
    }

    /// <summary>The descriptor of the root, valid while this object lives.</summary>
    public int Root { get; }

    /// <summary>The directories held open.</summary>
    public LayerParents Parents { get; }

    /// <summary>What is at <paramref name="path"/>, itself and not what it points to; null if there is nothing.</summary>
    public Libc.FileStatus? Find(int parent, EntryPath path)
    {
        Libc.FileStatus status;
        fixed (byte* name = path.NameForCall)
        {
            if (Libc.Status(parent, name, Libc.AtSymlinkNoFollow, Libc.FileStatus.Basic, &status) == 0)
            {
                return status;
            }
        }

        var errno = Marshal.GetLastPInvokeError();
        return errno == StorageErrors.NoEntry ? null : throw Failure(errno, path.Full);
    }

    /// <summary>Removes what is at <paramref name="path"/>, a directory with all its content.</summary>
    /// <returns>The parent's descriptor: the old one may be closed, because paths may mean something else from here on.</returns>
    public int Remove(int parent, EntryPath path, uint type)
    {
        if (type == Libc.TypeDirectory)
        {
            TreeRemoval.Remove(parent, path.NameForCall, _directory);
        }
        else
        {
            fixed (byte* name = path.NameForCall)
            {
                Check(Libc.UnlinkAt(parent, name, 0), path);
            }
        }

        if (type == Libc.TypeFile)
        {
            return parent;
        }

        Parents.Forget();
        return Parents.Open(path);
    }

    /// <summary>Opens a directory of the tree for reading; negative if that fails. The caller closes it.</summary>
    /// <param name="path">Relative, ended by NUL.</param>
    /// <param name="resolve">How links on the way are taken; none of the ways leaves the tree.</param>
    public int OpenBelow(ReadOnlySpan<byte> path, ulong resolve)
    {
        const int Flags = Libc.ReadOnly | Libc.CloseOnExec;
        fixed (byte* bytes = path)
        {
            for (var attempt = 0; ; attempt++)
            {
                // Any rename on the host may make the kernel give up on a ".." in a link's target: ask again.
                var descriptor = Libc.OpenAt2(Root, bytes, Flags | Libc.DirectoryOnly, resolve | Libc.ResolveNoMagicLinks | Libc.ResolveNoCrossing);
                if (descriptor >= 0 || attempt == 100 || Marshal.GetLastPInvokeError() != StorageErrors.TryAgain)
                {
                    return descriptor;
                }
            }
        }
    }

    /// <summary>Does something with the directory at <paramref name="path"/>, which is not a link to one.</summary>
    public void WithDirectory(int parent, EntryPath path, Action<int> action)
    {
        int directory;
        fixed (byte* name = path.NameForCall)
        {
            directory = Libc.OpenAt(parent, name, Libc.ReadOnly | Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
        }

        Check(directory, path);
        try
        {
            action(directory);
        }
        finally
        {
            _ = Libc.Close(directory);
        }
    }

    /// <summary>Throws if a call returned something negative.</summary>
    public void Check(nint result, EntryPath path)
    {
        if (result < 0)
        {
            throw Failure(Marshal.GetLastPInvokeError(), path.Full);
        }
    }

    /// <summary>The error of a call on an entry: the host's fault, or the archive's.</summary>
    public Exception Failure(int errno, ReadOnlySpan<byte> path) => StorageErrors.IsHosts(errno)
        ? StorageErrors.Host(errno, $"unpack '{StorageErrors.Show(path)}'", _directory)
        : new TarFormatException($"the entry '{StorageErrors.Show(path)}' cannot be unpacked: {StorageErrors.Describe(errno)}");

    public void Dispose()
    {
        Parents.Forget();
        _ = Libc.Close(Root);
    }
}
