using System.Runtime.InteropServices;
using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Writes a directory tree of this host into an archive. Names are bytes; no link is ever followed, also if somebody changes the tree meanwhile.</summary>
/// <remarks>Entries come in the order of their names, so that the same tree gives the same archive.</remarks>
internal abstract unsafe class TreeArchive(TarOutput tar, ImageLimits limits, string subject)
{
    private const int Deepest = 512;

    private readonly byte[] _buffer = new byte[256 * 1024];
    private int _entries;
    private long _bytes;

    /// <summary>Where entries go.</summary>
    protected TarOutput Tar => tar;

    /// <summary>What it is that is written, for messages: "the changes of the container x".</summary>
    protected string Subject => subject;

    /// <summary>Writes everything below a directory; not the directory itself.</summary>
    /// <exception cref="ContainerException">A file cannot be read, or there is more than an image may hold.</exception>
    public void Add(string directory, CancellationToken cancellationToken)
    {
        int root;
        fixed (byte* name = Encoding.UTF8.GetBytes(directory + "\0"))
        {
            root = Libc.OpenAt(Libc.AtCurrentDirectory, name, Libc.ReadOnly | Libc.DirectoryOnly | Libc.CloseOnExec, 0);
        }

        if (root < 0)
        {
            throw Failure(Marshal.GetLastPInvokeError(), Encoding.UTF8.GetBytes(directory));
        }

        try
        {
            AddChildren([new TreeFolder(root, false)], [], false, 0, cancellationToken);
        }
        finally
        {
            _ = Libc.Close(root);
        }
    }

    /// <summary>Decides what becomes of a node, and completes its entry: owner, extended attributes, another name.</summary>
    /// <returns>False: neither it nor, for a directory, anything in it is written.</returns>
    protected abstract bool Complete(in TreeNode node, TarEntry entry);

    /// <summary>Called after a directory's entry, before its children.</summary>
    protected virtual void Entered(in TreeNode node)
    {
    }

    /// <summary>True if a directory is written although <see cref="Complete"/> said no, because something in it may have to be.</summary>
    protected virtual bool LooksInto(in TreeNode node) => false;

    /// <summary>The folders whose content, the first one's before the others', is a directory's content.</summary>
    /// <param name="node">The directory.</param>
    /// <param name="own">It, open.</param>
    /// <param name="below">The folders beside the one that holds it, which may hold one of its name.</param>
    /// <returns>The folders, which are closed afterwards, and whether they are all of its content.</returns>
    protected virtual (TreeFolder[] Folders, bool IsComplete) Open(in TreeNode node, TreeFolder own, ReadOnlySpan<TreeFolder> below) => ([own], node.IsComplete);

    /// <summary>The error of a call on a node.</summary>
    protected ContainerException Failure(int errno, ReadOnlySpan<byte> path) => new(
        ContainerFailure.InvalidSpec, $"'{StorageErrors.Show(path)}' of {subject} cannot be read: {StorageErrors.Describe(errno)}.");

    private void AddChildren(TreeFolder[] folders, byte[] path, bool isComplete, int depth, CancellationToken cancellationToken)
    {
        if (depth > Deepest)
        {
            throw ImageDocument.Corrupt(subject, $"has more than {Deepest} folders in each other: {StorageErrors.Show(path)}");
        }

        var names = new SortedDictionary<byte[], int>(Comparer<byte[]>.Create((one, other) => one.AsSpan().SequenceCompareTo(other)));
        for (var at = 0; at < folders.Length; at++)
        {
            foreach (var name in Names(folders[at].Descriptor, path))
            {
                names.TryAdd(name, at);
            }
        }

        foreach (var (name, at) in names)
        {
            cancellationToken.ThrowIfCancellationRequested();
            AddNode(folders.AsSpan(at), path.Length == 0 ? name : [.. path, (byte)'/', .. name], name, isComplete, depth, cancellationToken);
        }
    }

    private void AddNode(ReadOnlySpan<TreeFolder> folders, byte[] path, byte[] name, bool isComplete, int depth, CancellationToken cancellationToken)
    {
        Libc.FileStatus status;
        fixed (byte* call = (byte[])[.. name, 0])
        {
            if (Libc.Status(folders[0].Descriptor, call, Libc.AtSymlinkNoFollow, Libc.FileStatus.Basic, &status) != 0)
            {
                var errno = Marshal.GetLastPInvokeError();
                if (errno == StorageErrors.NoEntry)
                {
                    // Removed since it was listed.
                    return;
                }

                throw Failure(errno, path);
            }
        }

        if (++_entries > limits.MaxEntries)
        {
            throw ImageDocument.Corrupt(subject, $"has more than {limits.MaxEntries} entries");
        }

        var node = new TreeNode(path, name, folders[0].Descriptor, status) { IsLower = folders[0].IsLower, IsComplete = isComplete };
        var entry = new TarEntry { Name = path, Mode = (uint)status.Mode & 0xFFF, User = status.User, Group = status.Group, Seconds = status.ChangeSeconds };
        var written = Complete(node, entry);
        if (node.IsDirectory)
        {
            AddDirectory(node, entry, written, folders, depth, cancellationToken);
        }
        else if (written)
        {
            AddOther(node, entry, cancellationToken);
        }
    }

    private void AddDirectory(in TreeNode node, TarEntry entry, bool written, ReadOnlySpan<TreeFolder> folders, int depth, CancellationToken cancellationToken)
    {
        if (!written && !LooksInto(node))
        {
            return;
        }

        int directory;
        fixed (byte* call = (byte[])[.. node.Name, 0])
        {
            directory = Libc.OpenAt(node.Parent, call, Libc.ReadOnly | Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
        }

        if (directory < 0)
        {
            throw Failure(Marshal.GetLastPInvokeError(), node.Path);
        }

        TreeFolder[] content = [new(directory, node.IsLower)];
        try
        {
            if (written)
            {
                entry.Type = TarEntryType.Directory;
                tar.Begin(entry);
                Entered(node);
            }

            (content, var isComplete) = Open(node, content[0], folders[1..]);
            AddChildren(content, node.Path, isComplete, depth + 1, cancellationToken);
        }
        finally
        {
            foreach (var folder in content)
            {
                _ = Libc.Close(folder.Descriptor);
            }
        }
    }

    private void AddOther(in TreeNode node, TarEntry entry, CancellationToken cancellationToken)
    {
        switch (entry.Type)
        {
            case TarEntryType.HardLink:
                tar.Begin(entry);
                return;
            case TarEntryType.File when (node.Status.Mode & Libc.TypeMask) != Libc.TypeFile && !node.IsLink && !node.IsFifo:
                // An entry of the rules' own making, without content.
                tar.Begin(entry);
                return;
        }

        if (node.IsLink)
        {
            entry.Type = TarEntryType.SymbolicLink;
            entry.LinkName = ReadLink(node);
            tar.Begin(entry);
        }
        else if (node.IsFifo)
        {
            entry.Type = TarEntryType.Fifo;
            tar.Begin(entry);
        }
        else
        {
            AddFile(node, entry, cancellationToken);
        }
    }

    private void AddFile(in TreeNode node, TarEntry entry, CancellationToken cancellationToken)
    {
        int file;
        fixed (byte* call = (byte[])[.. node.Name, 0])
        {
            file = Libc.OpenAt(node.Parent, call, Libc.ReadOnly | Libc.NoFollow | Libc.CloseOnExec | Libc.NonBlocking, 0);
        }

        if (file < 0)
        {
            throw Failure(Marshal.GetLastPInvokeError(), node.Path);
        }

        using var content = BlobContent.Of(new Microsoft.Win32.SafeHandles.SafeFileHandle(file, ownsHandle: true));
        entry.Size = content.Length;
        _bytes += content.Length;
        if (_bytes > limits.MaxUnpackedLayerBytes)
        {
            throw ImageDocument.Corrupt(subject, $"holds more than {limits.MaxUnpackedLayerBytes} bytes");
        }

        tar.Begin(entry);
        for (long at = 0; at < content.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = content.Read(_buffer, at);
            if (count == 0)
            {
                throw ImageDocument.Corrupt(subject, $"changes while it is read: '{StorageErrors.Show(node.Path)}' became shorter");
            }

            tar.WriteContent(_buffer.AsSpan(0, count));
            at += count;
        }
    }

    private byte[] ReadLink(in TreeNode node)
    {
        fixed (byte* call = (byte[])[.. node.Name, 0])
        fixed (byte* buffer = _buffer)
        {
            var length = Libc.ReadLinkAt(node.Parent, call, buffer, 4096);
            return length >= 0 ? new ReadOnlySpan<byte>(buffer, (int)length).ToArray() : throw Failure(Marshal.GetLastPInvokeError(), node.Path);
        }
    }

    private List<byte[]> Names(int directory, byte[] path)
    {
        var names = new List<byte[]>();
        var buffer = new byte[32 * 1024];
        fixed (byte* first = buffer)
        {
            for (nint count; (count = Libc.ReadDirectory(directory, first, (nuint)buffer.Length)) != 0;)
            {
                if (count < 0)
                {
                    throw Failure(Marshal.GetLastPInvokeError(), path);
                }

                // struct linux_dirent64: inode 8, offset 8, length 2, type 1, name.
                for (var entries = buffer.AsSpan(0, (int)count); !entries.IsEmpty; entries = entries[BitConverter.ToUInt16(entries[16..])..])
                {
                    var name = entries[19..];
                    name = name[..name.IndexOf((byte)0)];
                    if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                    {
                        names.Add(name.ToArray());
                    }
                }

                if (names.Count > limits.MaxEntries)
                {
                    throw ImageDocument.Corrupt(subject, $"has more than {limits.MaxEntries} entries");
                }
            }
        }

        return names;
    }
}

/// <summary>Something in a tree.</summary>
/// <param name="Path">Its path below the tree's root.</param>
/// <param name="Name">The last part of it.</param>
/// <param name="Parent">The descriptor of the directory that holds it.</param>
/// <param name="Status">What it is.</param>
internal readonly record struct TreeNode(byte[] Path, byte[] Name, int Parent, Libc.FileStatus Status)
{
    /// <summary>True if it is not of the tree itself, but of what lies below it.</summary>
    public bool IsLower { get; init; }

    /// <summary>True if everything is written that is in the directory which holds it: nothing below shows through.</summary>
    public bool IsComplete { get; init; }

    public bool IsDirectory => (Status.Mode & Libc.TypeMask) == Libc.TypeDirectory;

    public bool IsLink => (Status.Mode & Libc.TypeMask) == Libc.TypeSymbolicLink;

    public bool IsFifo => (Status.Mode & Libc.TypeMask) == Libc.TypeFifo;

    public bool IsFile => (Status.Mode & Libc.TypeMask) == Libc.TypeFile;
}

/// <summary>A directory that is open.</summary>
/// <param name="Descriptor">Its descriptor.</param>
/// <param name="IsLower">True if it is not of the tree itself, but of what lies below it.</param>
internal readonly record struct TreeFolder(int Descriptor, bool IsLower);
