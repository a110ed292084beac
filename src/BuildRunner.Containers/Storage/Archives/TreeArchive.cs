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
            AddChildren(root, [], 0, cancellationToken);
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

    /// <summary>The error of a call on a node.</summary>
    protected ContainerException Failure(int errno, ReadOnlySpan<byte> path) => new(
        ContainerFailure.InvalidSpec, $"'{StorageErrors.Show(path)}' of {subject} cannot be read: {StorageErrors.Describe(errno)}.");

    private void AddChildren(int directory, byte[] path, int depth, CancellationToken cancellationToken)
    {
        if (depth > Deepest)
        {
            throw ImageDocument.Corrupt(subject, $"has more than {Deepest} folders in each other: {StorageErrors.Show(path)}");
        }

        foreach (var name in Names(directory, path))
        {
            cancellationToken.ThrowIfCancellationRequested();
            AddNode(directory, path.Length == 0 ? name : [.. path, (byte)'/', .. name], name, depth, cancellationToken);
        }
    }

    private void AddNode(int parent, byte[] path, byte[] name, int depth, CancellationToken cancellationToken)
    {
        Libc.FileStatus status;
        fixed (byte* call = (byte[])[.. name, 0])
        {
            if (Libc.Status(parent, call, Libc.AtSymlinkNoFollow, Libc.FileStatus.Basic, &status) != 0)
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

        var node = new TreeNode(path, name, parent, status);
        var entry = new TarEntry { Name = path, Mode = (uint)status.Mode & 0xFFF, User = status.User, Group = status.Group, Seconds = status.ChangeSeconds };
        var written = Complete(node, entry);
        if (node.IsDirectory)
        {
            AddDirectory(node, entry, written, depth, cancellationToken);
        }
        else if (written)
        {
            AddOther(node, entry, cancellationToken);
        }
    }

    private void AddDirectory(in TreeNode node, TarEntry entry, bool written, int depth, CancellationToken cancellationToken)
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

        try
        {
            if (written)
            {
                entry.Type = TarEntryType.Directory;
                tar.Begin(entry);
                Entered(node);
            }

            AddChildren(directory, node.Path, depth + 1, cancellationToken);
        }
        finally
        {
            _ = Libc.Close(directory);
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

        names.Sort((one, other) => one.AsSpan().SequenceCompareTo(other));
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
    public bool IsDirectory => (Status.Mode & Libc.TypeMask) == Libc.TypeDirectory;

    public bool IsLink => (Status.Mode & Libc.TypeMask) == Libc.TypeSymbolicLink;

    public bool IsFifo => (Status.Mode & Libc.TypeMask) == Libc.TypeFifo;

    public bool IsFile => (Status.Mode & Libc.TypeMask) == Libc.TypeFile;
}
