using System.Runtime.InteropServices;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage;

/// <summary>The directory into which a layer is unpacked. Every path is resolved by the kernel and cannot leave it.</summary>
/// <remarks>
/// A parent is opened with <c>openat2</c>: at first without following any symbolic link; where the archive itself put a link in the way
/// (<c>lib → usr/lib</c>, then <c>lib/x</c>) it is followed with the layer as the root, as other engines do. The last part of a path is never followed.
/// </remarks>
internal sealed unsafe class LayerTree : IDisposable
{
    private const uint ImplicitMode = 0b111_101_101;
    private const int MostOpenParents = 64;

    private readonly int _root;
    private readonly string _directory;
    private readonly Dictionary<byte[], int> _parents = new(NameComparer.Instance);
    private byte[] _lastParent = [];
    private int _lastDescriptor = -1;

    /// <summary>Opens an existing directory.</summary>
    public LayerTree(string directory)
    {
        _directory = directory;
        _root = Open(Libc.AtCurrentDirectory, System.Text.Encoding.UTF8.GetBytes(directory + "\0"), Libc.ReadOnly | Libc.DirectoryOnly | Libc.NoFollow);
        if (_root < 0)
        {
            throw StorageErrors.Host(Marshal.GetLastPInvokeError(), "open a layer's folder", directory);
        }
    }

    /// <summary>The descriptor of the root, valid while this object lives.</summary>
    public int Root => _root;

    /// <summary>The descriptor of the directory that holds <paramref name="path"/>; missing directories are made. Owned by this object until the next call.</summary>
    public int OpenParent(EntryPath path)
    {
        var parent = path.Parent;
        if (parent.IsEmpty)
        {
            return _root;
        }

        if (_lastDescriptor >= 0 && parent.SequenceEqual(_lastParent))
        {
            return _lastDescriptor;
        }

        var known = _parents.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (known.TryGetValue(parent, out var held, out var descriptor))
        {
            (_lastParent, _lastDescriptor) = (held, descriptor);
            return descriptor;
        }

        descriptor = OpenDirectory(parent);
        if (_parents.Count >= MostOpenParents)
        {
            ForgetParents();
        }

        (_lastParent, _lastDescriptor) = (parent.ToArray(), descriptor);
        _parents.Add(_lastParent, descriptor);
        return descriptor;
    }

    /// <summary>As <see cref="OpenParent(EntryPath)"/> for two paths at once; both descriptors stay open.</summary>
    public (int First, int Second) OpenParents(EntryPath first, EntryPath second)
    {
        OpenParent(first);
        var two = OpenParent(second);
        // Opening the second may have closed the first; now neither closes the other.
        var one = OpenParent(first);
        return (one, OpenParent(second) is var again && again == two ? two : again);
    }

    /// <summary>Closes the directories held open. To be called when one of them may have been removed or replaced.</summary>
    public void ForgetParents()
    {
        foreach (var descriptor in _parents.Values)
        {
            _ = Libc.Close(descriptor);
        }

        _parents.Clear();
        (_lastParent, _lastDescriptor) = ([], -1);
    }

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
                if (Libc.UnlinkAt(parent, name, 0) != 0)
                {
                    throw Failure(Marshal.GetLastPInvokeError(), path.Full);
                }
            }
        }

        if (type == Libc.TypeFile)
        {
            return parent;
        }

        ForgetParents();
        return OpenParent(path);
    }

    /// <summary>The error of a call on an entry: the host's fault, or the archive's.</summary>
    public Exception Failure(int errno, ReadOnlySpan<byte> path) => StorageErrors.IsHosts(errno)
        ? StorageErrors.Host(errno, $"unpack '{StorageErrors.Show(path)}'", _directory)
        : new TarFormatException($"the entry '{StorageErrors.Show(path)}' cannot be unpacked: {StorageErrors.Describe(errno)}");

    public void Dispose()
    {
        ForgetParents();
        _ = Libc.Close(_root);
    }

    private int OpenDirectory(ReadOnlySpan<byte> path)
    {
        Span<byte> call = stackalloc byte[path.Length + 1];
        path.CopyTo(call);
        call[^1] = 0;
        var descriptor = OpenBelow(call, Libc.ResolveBeneath | Libc.ResolveNoSymlinks);
        if (descriptor >= 0)
        {
            return descriptor;
        }

        var errno = Marshal.GetLastPInvokeError();
        if (errno == StorageErrors.TooManySymlinks)
        {
            descriptor = OpenBelow(call, Libc.ResolveInRoot);
            errno = Marshal.GetLastPInvokeError();
        }

        if (descriptor < 0 && errno == StorageErrors.NoEntry)
        {
            MakeMissing(path);
            descriptor = OpenBelow(call, Libc.ResolveInRoot);
            errno = Marshal.GetLastPInvokeError();
        }

        return descriptor >= 0 ? descriptor : throw Failure(errno, path);
    }

    // Makes every missing directory of a path, from the top. A dangling link in the way stays one, and opening the path fails.
    private void MakeMissing(ReadOnlySpan<byte> path)
    {
        Span<byte> part = stackalloc byte[path.Length + 1];
        for (var end = 0; end < path.Length;)
        {
            var slash = path[(end + 1)..].IndexOf((byte)'/');
            var start = end == 0 ? 0 : end + 1;
            var upper = end;
            end = slash < 0 ? path.Length : end + 1 + slash;
            path[..upper].CopyTo(part);
            part[upper] = 0;
            var parent = upper == 0 ? _root : OpenBelow(part[..(upper + 1)], Libc.ResolveInRoot);
            if (parent < 0)
            {
                throw Failure(Marshal.GetLastPInvokeError(), path);
            }

            try
            {
                MakeDirectory(parent, path[start..end], path);
            }
            finally
            {
                if (parent != _root)
                {
                    _ = Libc.Close(parent);
                }
            }
        }
    }

    private void MakeDirectory(int parent, ReadOnlySpan<byte> name, ReadOnlySpan<byte> path)
    {
        Span<byte> call = stackalloc byte[name.Length + 1];
        name.CopyTo(call);
        call[^1] = 0;
        fixed (byte* bytes = call)
        {
            if (Libc.MakeDirectoryAt(parent, bytes, ImplicitMode) == 0)
            {
                // The process's mask must not shape an image.
                _ = Libc.ChangeModeAt(parent, bytes, ImplicitMode, 0);
            }
            else if (Marshal.GetLastPInvokeError() is var errno and not StorageErrors.Exists)
            {
                throw Failure(errno, path);
            }
        }
    }

    /// <summary>Opens a directory of the tree for reading; negative if that fails. The caller closes it.</summary>
    public int OpenBelow(ReadOnlySpan<byte> path, ulong resolve)
    {
        const int Flags = Libc.ReadOnly | Libc.CloseOnExec;
        fixed (byte* bytes = path)
        {
            for (var attempt = 0; ; attempt++)
            {
                // Any rename on the host may make the kernel give up on a ".." in a link's target: ask again.
                var descriptor = Libc.OpenAt2(_root, bytes, Flags | Libc.DirectoryOnly, resolve | Libc.ResolveNoMagicLinks | Libc.ResolveNoCrossing);
                if (descriptor >= 0 || attempt == 100 || Marshal.GetLastPInvokeError() != StorageErrors.TryAgain)
                {
                    return descriptor;
                }
            }
        }
    }

    private static int Open(int directory, ReadOnlySpan<byte> path, int flags)
    {
        fixed (byte* bytes = path)
        {
            return Libc.OpenAt(directory, bytes, flags | Libc.CloseOnExec, 0);
        }
    }
}
