using System.Runtime.InteropServices;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage;

/// <summary>Unpacks one layer's archive into a directory that overlayfs takes as a lower directory.</summary>
/// <remarks>
/// <para>Owners, modes with set-id bits, times, links and file capabilities are kept. Device nodes are left out: the engine gives a container its own.</para>
/// <para>Whiteouts (OCI image specification, "Layer Filesystem Changeset") become character devices 0:0, opaque directories get the attribute in both
/// spellings, <c>trusted.overlay.opaque</c> and <c>user.overlay.opaque</c>. They act on lower layers only, wherever in the archive they stand.</para>
/// <para>Attributes by which an archive could speak to overlayfs itself are dropped.</para>
/// </remarks>
internal sealed unsafe class LayerExtractor(LayerTree tree, TarReader reader, ImageLimits limits)
{
    private readonly EntryPath _path = new();
    private readonly EntryPath _target = new();
    private readonly EntryAttributes _attributes = new(tree);
    private readonly DirectoryTimes _times = new(tree, limits);
    private readonly LayerWhiteouts _whiteouts = new(tree);
    private long _bytes;

    /// <summary>How many entries were unpacked.</summary>
    public int Entries { get; private set; }

    /// <summary>Unpacks all.</summary>
    /// <exception cref="TarFormatException">The archive is damaged, forbidden, or beyond a limit.</exception>
    /// <exception cref="Engine.ContainerException">This host has no room or no right.</exception>
    public void Run(CancellationToken cancellationToken)
    {
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _bytes += entry.FullSize;
            if (++Entries > limits.MaxEntries || _bytes > limits.MaxUnpackedLayerBytes || _bytes < 0)
            {
                throw new TarFormatException($"it holds more than {limits.MaxEntries} entries or {limits.MaxUnpackedLayerBytes} bytes");
            }

            _path.Set(entry.Name);
            Unpack(entry, cancellationToken);
        }

        _times.Apply();
    }

    private void Unpack(TarEntry entry, CancellationToken cancellationToken)
    {
        if (_path.IsRoot)
        {
            if (entry.Type == TarEntryType.Directory)
            {
                _attributes.ApplyToDirectory(tree.Root, entry, isNew: false);
                _times.Remember(_path.Full, entry);
            }

            return;
        }

        if (_whiteouts.TryApply(_path))
        {
            return;
        }

        switch (entry.Type)
        {
            case TarEntryType.Directory:
                MakeDirectory(entry);
                break;
            case TarEntryType.File:
                WriteFile(entry, cancellationToken);
                break;
            case TarEntryType.SymbolicLink:
                MakeSymbolicLink(entry);
                break;
            case TarEntryType.HardLink:
                MakeHardLink(entry);
                break;
            case TarEntryType.Fifo:
                MakeFifo(entry);
                break;
            default:
                // A device node.
                break;
        }
    }

    private void MakeDirectory(TarEntry entry)
    {
        var parent = tree.Parents.Open(_path);
        var isNew = false;
        var opaque = false;
        if (tree.Find(parent, _path) is not { } present)
        {
            isNew = true;
        }
        else if ((present.Mode & Libc.TypeMask) != Libc.TypeDirectory)
        {
            // A directory in place of a hidden one shows nothing of the lower one.
            (isNew, opaque) = (true, LayerWhiteouts.IsWhiteout(present));
            parent = tree.Remove(parent, _path, present.Mode & Libc.TypeMask);
        }

        if (isNew)
        {
            fixed (byte* call = _path.NameForCall)
            {
                Check(Libc.MakeDirectoryAt(parent, call, entry.Mode & 0x1FF));
            }
        }

        tree.WithDirectory(parent, _path, directory =>
        {
            _attributes.ApplyToDirectory(directory, entry, isNew);
            if (opaque)
            {
                EntryAttributes.MarkOpaque(directory);
            }
        });
        _times.Remember(_path.Full, entry);
    }

    private void WriteFile(TarEntry entry, CancellationToken cancellationToken)
    {
        const int Flags = Libc.WriteOnly | Libc.Create | Libc.Exclusive | Libc.CloseOnExec;
        var parent = tree.Parents.Open(_path);
        int file;
        fixed (byte* call = _path.NameForCall)
        {
            file = Libc.OpenAt(parent, call, Flags | Libc.NoFollow, entry.Mode & 0x1FF);
            if (file < 0 && Marshal.GetLastPInvokeError() == StorageErrors.Exists)
            {
                parent = MakeRoom(parent);
                file = Libc.OpenAt(parent, call, Flags | Libc.NoFollow, entry.Mode & 0x1FF);
            }
        }

        Check(file);
        try
        {
            WriteContent(file, entry, cancellationToken);
            _attributes.ApplyToFile(file, entry);
        }
        finally
        {
            _ = Libc.Close(file);
        }
    }

    private void WriteContent(int file, TarEntry entry, CancellationToken cancellationToken)
    {
        if (entry.Pieces is { } pieces)
        {
            Check(Libc.SetLength(file, entry.FullSize));
            foreach (var piece in pieces)
            {
                Check((nint)Libc.Seek(file, piece.Offset, 0));
                WriteBytes(file, piece.Length, cancellationToken);
            }

            return;
        }

        WriteBytes(file, entry.Size, cancellationToken);
    }

    private void WriteBytes(int file, long count, CancellationToken cancellationToken)
    {
        while (count > 0)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var bytes = reader.ReadContent(count);
            count -= bytes.Length;
            fixed (byte* first = bytes)
            {
                for (var written = 0; written < bytes.Length;)
                {
                    var now = Libc.Write(file, first + written, (nuint)(bytes.Length - written));
                    Check(now);
                    written += (int)now;
                }
            }
        }
    }

    private void MakeSymbolicLink(TarEntry entry)
    {
        if (entry.LinkName.Length is 0 or > 4095)
        {
            throw new TarFormatException($"the symbolic link '{StorageErrors.Show(_path.Full)}' points to a name that is empty or too long");
        }

        var parent = MakeRoom(tree.Parents.Open(_path));
        fixed (byte* target = (byte[])[.. entry.LinkName, 0])
        fixed (byte* call = _path.NameForCall)
        {
            Check(Libc.SymbolicLinkAt(target, parent, call));
            _attributes.ApplyByName(parent, call, entry);
        }
    }

    private void MakeHardLink(TarEntry entry)
    {
        _target.Set(entry.LinkName);
        var (from, to) = tree.Parents.Open(_target, _path);
        if (_target.IsRoot || tree.Find(from, _target) is not { } target
            || LayerWhiteouts.IsWhiteout(target) || (target.Mode & Libc.TypeMask) == Libc.TypeDirectory || _target.Full.SequenceEqual(_path.Full))
        {
            throw new TarFormatException(
                $"the hard link '{StorageErrors.Show(_path.Full)}' points to '{StorageErrors.Show(entry.LinkName)}', which is no file of the same layer");
        }

        MakeRoom(to);
        (from, to) = tree.Parents.Open(_target, _path);
        fixed (byte* existing = _target.NameForCall)
        fixed (byte* call = _path.NameForCall)
        {
            Check(Libc.LinkAt(from, existing, to, call, 0));
        }
    }

    private void MakeFifo(TarEntry entry)
    {
        var parent = MakeRoom(tree.Parents.Open(_path));
        fixed (byte* call = _path.NameForCall)
        {
            Check(Libc.MakeNodeAt(parent, call, Libc.TypeFifo | (entry.Mode & 0x1FF), 0));
            _attributes.ApplyByName(parent, call, entry);
        }
    }

    // Removes what an earlier entry of the archive put where this one goes.
    private int MakeRoom(int parent) =>
        tree.Find(parent, _path) is { } present ? tree.Remove(parent, _path, present.Mode & Libc.TypeMask) : parent;

    private void Check(nint result) => tree.Check(result, _path);
}
