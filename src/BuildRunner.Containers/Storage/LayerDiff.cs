using System.Runtime.InteropServices;
using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Storage.Archives;
using BuildRunner.Containers.Storage.Tar;

namespace BuildRunner.Containers.Storage;

/// <summary>Writes the writable layer of a container, as overlayfs keeps it, as a layer of an image (OCI image specification, "Layer Filesystem Changeset").</summary>
/// <remarks>
/// <para>Whiteouts (character devices 0:0) become <c>.wh.</c> entries, opaque directories get theirs; what overlayfs notes for itself stays out.</para>
/// <para>Owners are those that the container saw: its ids on this host are undone.</para>
/// <para>A directory that was renamed is to overlayfs only a note of where it was (<c>redirect</c>); in a layer it is written with all its content.</para>
/// <para>Hard links stay links; sockets and devices stay out; file capabilities, ACLs and user attributes are kept.</para>
/// </remarks>
internal sealed unsafe class LayerDiff(TarOutput tar, ImageLimits limits, ContainerChanges changes, string subject) : TreeArchive(tar, limits, subject)
{
    private const uint Nobody = 65_534;
    private const int LargestAttribute = 64 * 1024;

    private readonly Dictionary<(uint, uint, ulong), byte[]> _linked = [];
    private readonly HashSet<string> _left = [.. changes.LeftOut.Select(path => path.Trim('/'))];
    private readonly byte[] _value = new byte[LargestAttribute];
    private readonly RenamedFolders _renamed = new(changes.Layers);

    /// <inheritdoc/>
    protected override bool Complete(in TreeNode node, TarEntry entry)
    {
        if (_left.Contains(Encoding.UTF8.GetString(node.Path)))
        {
            return false;
        }

        if (LayerWhiteouts.IsWhiteout(node.Status))
        {
            if (node.IsComplete)
            {
                return false;
            }

            entry.Type = TarEntryType.File;
            entry.Mode = 0x180;
            (entry.User, entry.Group) = (0, 0);
            entry.Name = [.. node.Path.AsSpan(0, node.Path.Length - node.Name.Length), .. ".wh."u8, .. node.Name];
            return true;
        }

        if (!node.IsFile && !node.IsDirectory && !node.IsLink && !node.IsFifo)
        {
            return false;
        }

        if (!node.IsLower)
        {
            (entry.User, entry.Group) = (Undo(node.Status.User), Undo(node.Status.Group));
        }

        if (!node.IsDirectory && node.Status.Links > 1 && !_linked.TryAdd((node.Status.DeviceMajor, node.Status.DeviceMinor, node.Status.Inode), node.Path))
        {
            entry.Type = TarEntryType.HardLink;
            entry.LinkName = _linked[(node.Status.DeviceMajor, node.Status.DeviceMinor, node.Status.Inode)];
            return true;
        }

        entry.Type = TarEntryType.File;
        AddAttributes(node, entry);
        return true;
    }

    /// <inheritdoc/>
    protected override void Entered(in TreeNode node)
    {
        if (!node.IsComplete && (IsOpaque(node) || Redirect(node) is not null))
        {
            Tar.Begin(new TarEntry { Type = TarEntryType.File, Name = [.. node.Path, .. "/.wh..wh..opq"u8], Mode = 0x180 });
        }
    }

    /// <inheritdoc/>
    protected override (TreeFolder[] Folders, bool IsComplete) Open(in TreeNode node, TreeFolder own, ReadOnlySpan<TreeFolder> below)
    {
        if (!node.IsLower && Redirect(node) is { } redirect)
        {
            return ([own, .. _renamed.Open(node, redirect)], true);
        }

        var folders = new List<TreeFolder> { own };
        var isOpen = !IsOpaque(node);
        for (var at = 0; isOpen && at < below.Length; at++)
        {
            isOpen = RenamedFolders.TryGoOn(below[at], node.Name, folders);
        }

        return ([.. folders], node.IsComplete);
    }

    private static bool IsOpaque(in TreeNode node) => Attribute(node, "trusted.overlay.opaque"u8) is [(byte)'y'] || Attribute(node, "user.overlay.opaque"u8) is [(byte)'y'];

    private static byte[]? Redirect(in TreeNode node) => Attribute(node, "trusted.overlay.redirect"u8) ?? Attribute(node, "user.overlay.redirect"u8);

    private uint Undo(uint id) => changes.FirstHostId is not { } first ? id : id >= first && id - first < changes.IdCount ? id - first : Nobody;

    private void AddAttributes(in TreeNode node, TarEntry entry)
    {
        foreach (var name in AttributeNames(node))
        {
            if (name.AsSpan().IndexOf(".overlay.metacopy"u8) >= 0)
            {
                throw new ContainerException(
                    ContainerFailure.InvalidSpec,
                    $"'{StorageErrors.Show(node.Path)}' of {Subject} has its content in the image below it (overlayfs with metacopy), which BuildRunner does not use.");
            }

            if (IsKept(name) && Attribute(node, name) is { } value)
            {
                entry.Attributes.Add(new(name, name.AsSpan().SequenceEqual("security.capability"u8) ? WithoutRoot(value) : value));
            }
        }
    }

    private static bool IsKept(ReadOnlySpan<byte> name) =>
        (name.StartsWith("user."u8) && !name.StartsWith("user.overlay."u8)) || name.SequenceEqual("security.capability"u8);

    // A capability that was given inside a user namespace names the host id of its root (revision 3); in an image it names none (revision 2).
    private static byte[] WithoutRoot(byte[] value) => value is [_, _, _, 3, ..] && value.Length == 24 ? [value[0], value[1], value[2], 2, .. value.AsSpan(4, 16)] : value;

    private List<byte[]> AttributeNames(in TreeNode node)
    {
        fixed (byte* path = PathOf(node))
        fixed (byte* buffer = _value)
        {
            var length = Libc.ListOwnAttributes(path, buffer, LargestAttribute);
            if (length < 0)
            {
                return Marshal.GetLastPInvokeError() is var errno && errno == StorageErrors.NotSupported ? [] : throw Failure(errno, node.Path);
            }

            var names = new List<byte[]>();
            foreach (var range in new ReadOnlySpan<byte>(buffer, (int)length).Split((byte)0))
            {
                var name = _value.AsSpan(0, (int)length)[range];
                if (!name.IsEmpty)
                {
                    names.Add(name.ToArray());
                }
            }

            names.Sort((one, other) => one.AsSpan().SequenceCompareTo(other));
            return names;
        }
    }

    internal static byte[]? Attribute(in TreeNode node, ReadOnlySpan<byte> name)
    {
        fixed (byte* path = PathOf(node))
        fixed (byte* call = (byte[])[.. name, 0])
        {
            var length = Libc.GetOwnAttribute(path, call, null, 0);
            if (length < 0)
            {
                return null;
            }

            var value = new byte[length];
            fixed (byte* buffer = value)
            {
                return length == 0 || Libc.GetOwnAttribute(path, call, buffer, (nuint)length) == length ? value : null;
            }
        }
    }

    // There are no calls for attributes beside a descriptor and a name; this path leads to the same.
    private static byte[] PathOf(in TreeNode node) => [.. Encoding.ASCII.GetBytes($"/proc/self/fd/{node.Parent}/"), .. node.Name, 0];
}

/// <summary>What a container changed of its image.</summary>
/// <param name="Directory">The upper directory of its overlay; the container no longer runs.</param>
public sealed record ContainerChanges(string Directory)
{
    /// <summary>The host id of the container's id 0; null: the container had the host's ids.</summary>
    public uint? FirstHostId { get; init; }

    /// <summary>How many ids it had.</summary>
    public uint IdCount { get; init; } = 65_536;

    /// <summary>The directories of the layers of the image, lowest first: what renamed directories refer to.</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>Paths in the container that were mounted over, so that what is there belongs to nobody.</summary>
    public IReadOnlyCollection<string> LeftOut { get; init; } = [];
}
