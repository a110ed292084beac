using System.Runtime.InteropServices;

namespace BuildRunner.Containers.Storage;

/// <summary>The directories of a layer into which entries are being put, held open: archives are sorted, so most entries find theirs.</summary>
/// <remarks>
/// A parent is opened with <c>openat2</c>: at first without following any symbolic link; where the archive itself put a link in the way
/// (<c>lib → usr/lib</c>, then <c>lib/x</c>) it is followed with the layer as the root, as other engines do.
/// </remarks>
internal sealed unsafe class LayerParents(LayerTree tree)
{
    private const uint ImplicitMode = 0b111_101_101;
    private const int MostOpen = 64;

    private readonly Dictionary<byte[], int> _open = new(NameComparer.Instance);
    private byte[] _last = [];
    private int _lastDescriptor = -1;

    /// <summary>The descriptor of the directory that holds <paramref name="path"/>; missing ones are made. Valid until the next call.</summary>
    public int Open(EntryPath path)
    {
        var parent = path.Parent;
        if (parent.IsEmpty)
        {
            return tree.Root;
        }

        if (_lastDescriptor >= 0 && parent.SequenceEqual(_last))
        {
            return _lastDescriptor;
        }

        if (_open.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(parent, out var held, out var descriptor))
        {
            (_last, _lastDescriptor) = (held, descriptor);
            return descriptor;
        }

        descriptor = OpenDirectory(parent);
        if (_open.Count >= MostOpen)
        {
            Forget();
        }

        (_last, _lastDescriptor) = (parent.ToArray(), descriptor);
        _open.Add(_last, descriptor);
        return descriptor;
    }

    /// <summary>As <see cref="Open(EntryPath)"/> for two paths at once; both descriptors are valid.</summary>
    public (int First, int Second) Open(EntryPath first, EntryPath second)
    {
        // Opening the second may close the first. Then few are held, and opening the first again closes nothing.
        Open(first);
        Open(second);
        return (Open(first), Open(second));
    }

    /// <summary>Closes them. To be called when one of them may have been removed or replaced.</summary>
    public void Forget()
    {
        foreach (var descriptor in _open.Values)
        {
            _ = Libc.Close(descriptor);
        }

        _open.Clear();
        (_last, _lastDescriptor) = ([], -1);
    }

    private int OpenDirectory(ReadOnlySpan<byte> path)
    {
        Span<byte> call = stackalloc byte[path.Length + 1];
        path.CopyTo(call);
        call[^1] = 0;
        var descriptor = tree.OpenBelow(call, Libc.ResolveBeneath | Libc.ResolveNoSymlinks);
        if (descriptor >= 0)
        {
            return descriptor;
        }

        var errno = Marshal.GetLastPInvokeError();
        if (errno == StorageErrors.TooManySymlinks)
        {
            descriptor = tree.OpenBelow(call, Libc.ResolveInRoot);
            errno = Marshal.GetLastPInvokeError();
        }

        if (descriptor < 0 && errno == StorageErrors.NoEntry)
        {
            MakeMissing(path);
            descriptor = tree.OpenBelow(call, Libc.ResolveInRoot);
            errno = Marshal.GetLastPInvokeError();
        }

        return descriptor >= 0 ? descriptor : throw tree.Failure(errno, path);
    }

    // Makes every missing directory of a path, from the top. A dangling link in the way stays one, and opening the path fails.
    private void MakeMissing(ReadOnlySpan<byte> path)
    {
        Span<byte> upper = stackalloc byte[path.Length + 1];
        for (var end = 0; end < path.Length;)
        {
            var length = end;
            var start = end == 0 ? 0 : end + 1;
            end = path[start..].IndexOf((byte)'/') is var slash and >= 0 ? start + slash : path.Length;
            path[..length].CopyTo(upper);
            upper[length] = 0;
            var parent = length == 0 ? tree.Root : tree.OpenBelow(upper[..(length + 1)], Libc.ResolveInRoot);
            if (parent < 0)
            {
                throw tree.Failure(Marshal.GetLastPInvokeError(), path);
            }

            try
            {
                MakeDirectory(parent, path[start..end], path);
            }
            finally
            {
                if (parent != tree.Root)
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
                throw tree.Failure(errno, path);
            }
        }
    }
}
