using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage;

/// <summary>Turns the entries by which a layer hides things of lower layers into what overlayfs understands.</summary>
internal sealed unsafe class LayerWhiteouts(LayerTree tree)
{
    /// <summary>True if the entry of this path was such an entry; it is done then. May change the path.</summary>
    public bool TryApply(EntryPath path)
    {
        if (!path.Name.StartsWith(".wh."u8))
        {
            return false;
        }

        var hidden = path.Name[".wh.".Length..];
        if (hidden.SequenceEqual(".wh..opq"u8))
        {
            // Of a path in the directory, the parent is the directory itself.
            EntryAttributes.MarkOpaque(tree.Parents.Open(path));
        }
        else if (!hidden.StartsWith(".wh."u8))
        {
            Hide(path, hidden);
        }

        // Else: book-keeping of aufs.
        return true;
    }

    /// <summary>True if this is what <see cref="TryApply"/> makes of a hidden name.</summary>
    public static bool IsWhiteout(in Libc.FileStatus status) =>
        (status.Mode & Libc.TypeMask) == Libc.TypeCharacterDevice && status is { NodeMajor: 0, NodeMinor: 0 };

    private void Hide(EntryPath path, ReadOnlySpan<byte> hidden)
    {
        if (hidden.IsEmpty || hidden.SequenceEqual("."u8) || hidden.SequenceEqual(".."u8))
        {
            throw new TarFormatException($"the whiteout '{StorageErrors.Show(path.Full)}' hides nothing that can be");
        }

        path.SetName(hidden);
        var parent = tree.Parents.Open(path);
        if (tree.Find(parent, path) is { } present)
        {
            // The layer has something of that name itself: it replaces the lower one anyway, a directory only if it is opaque.
            if ((present.Mode & Libc.TypeMask) == Libc.TypeDirectory)
            {
                tree.WithDirectory(parent, path, EntryAttributes.MarkOpaque);
            }

            return;
        }

        fixed (byte* name = path.NameForCall)
        {
            tree.Check(Libc.MakeNodeAt(parent, name, Libc.TypeCharacterDevice, 0), path);
        }
    }
}
