using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Rootless;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Group;

/// <summary>A layer to put over a root file system of the host, which hides parts of it: empty directories, empty files, and marks that say "removed".</summary>
/// <remarks>As a layer it costs nothing per container, and a container cannot take it away: it can only write over it, in its own layer.</remarks>
internal sealed unsafe class HiddenLayer
{
    private readonly string _root;
    private readonly string _layer;
    private readonly uint _firstHostId;

    private HiddenLayer(string root, string layer, uint firstHostId)
    {
        _root = root.TrimEnd('/');
        _layer = layer;
        _firstHostId = firstHostId;
    }

    /// <summary>Fills the empty directory of a layer.</summary>
    /// <param name="root">The root file system to hide parts of.</param>
    /// <param name="layer">The directory of the layer.</param>
    /// <param name="paths">What to hide. What does not exist needs no hiding, except for directories that must be usable.</param>
    /// <param name="firstHostId">Added to the owners: the layer's are those of the host, so that its file system need not map them.</param>
    public static void Build(string root, string layer, IReadOnlyList<HiddenPath> paths, uint firstHostId)
    {
        var builder = new HiddenLayer(root, layer, firstHostId);
        builder.CopyOwner("/");
        var gone = new List<string>();
        foreach (var (path, kind) in paths.SelectMany(p => Expand(root, p.Pattern), (p, path) => (path, p.Kind)).OrderBy(p => p.path.Count(c => c == '/')))
        {
            // Below what is hidden there is nothing left to hide, only directories that must be usable.
            if (kind == HiddenPathKind.SharedDirectory || !gone.Exists(g => path.StartsWith(g, StringComparison.Ordinal)))
            {
                builder.Hide(path, kind);
                gone.Add(path + "/");
            }
        }
    }

    private static IEnumerable<string> Expand(string root, string pattern)
    {
        var slash = pattern.LastIndexOf('/');
        if (!pattern.Contains('*'))
        {
            return [pattern];
        }

        var directory = root.TrimEnd('/') + pattern[..slash];
        return Directory.Exists(directory)
            ? Directory.EnumerateFileSystemEntries(directory, pattern[(slash + 1)..]).Select(p => $"{pattern[..slash]}/{Path.GetFileName(p)}")
            : [];
    }

    private void Hide(string path, HiddenPathKind kind)
    {
        var original = new FileInfo(_root + path);
        var isDirectory = (original.Attributes & FileAttributes.Directory) != 0 && original.LinkTarget is null;
        if (Files.Exists(_layer + path) || !CopyParents(path))
        {
            return;
        }

        var exists = original.Exists || Directory.Exists(original.FullName);
        switch (kind)
        {
            case HiddenPathKind.SharedDirectory:
                MakeOpaque(path, 0x3FF);
                break;
            case HiddenPathKind.EmptyDirectory when exists && isDirectory:
                MakeOpaque(path, 0x1C0);
                CopyOwner(path);
                break;
            case HiddenPathKind.EmptyFile when exists && !isDirectory:
                Files.Write(_layer + path, [], 0x100);
                CopyOwner(path);
                break;
            case var _ when exists:
                KernelException.Check(Libc.MakeNode(_layer + path, CharacterDevice, 0), "hide", path);
                break;
            default:
                break;
        }
    }

    /// <summary>Makes the directories on the way, with the owner and mode that they have below; false if a part of the way is no directory.</summary>
    private bool CopyParents(string path)
    {
        for (var end = path.IndexOf('/', 1); end > 0; end = path.IndexOf('/', end + 1))
        {
            var part = path[..end];
            var original = new DirectoryInfo(_root + part);
            if (!original.Exists || original.LinkTarget is not null)
            {
                return false;
            }

            if (!Files.Exists(_layer + part))
            {
                Files.MakeDirectory(_layer + part, 0x1C0);
                CopyOwner(part);
            }
        }

        return true;
    }

    private void MakeOpaque(string path, uint mode)
    {
        Files.MakeDirectory(_layer + path, mode, _firstHostId);
        using var directory = Descriptor.Open(_layer + path, ReadOnly | OnlyDirectory | NoFollow);
        var yes = (byte)'y';
        KernelException.Check(Libc.SetAttribute(directory.Number, Rights.AreOfHost ? "trusted.overlay.opaque" : "user.overlay.opaque", &yes, 1, 0), "hide", path);
    }

    private void CopyOwner(string path)
    {
        var status = FileStatus.Of(_root + path);
        using var target = Descriptor.Open(_layer + path, ReadOnly | NoFollow);
        target.SetOwnerAndMode(Inside(status.User), Inside(status.Group), status.Mode & 0xFFF, path);
    }

    /// <summary>Owners that the container does not have become its root.</summary>
    private uint Inside(uint id) => _firstHostId + (id < OwnerMap.Count ? id : 0);

    private const uint CharacterDevice = 0x2000;
}
