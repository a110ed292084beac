using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Group;

/// <summary>A layer to put over a root file system of the host, which hides parts of it: empty directories, empty files, and marks that say "removed".</summary>
/// <remarks>As a layer it costs nothing per container, and a container cannot take it away: it can only write over it, in its own layer.</remarks>
internal static unsafe class HiddenLayer
{
    /// <summary>Fills a new directory.</summary>
    /// <param name="root">The root file system to hide parts of.</param>
    /// <param name="layer">The directory of the layer.</param>
    /// <param name="paths">What to hide. What does not exist needs no hiding, except for directories that must be usable.</param>
    public static void Build(string root, string layer, IReadOnlyList<HiddenPath> paths)
    {
        Files.MakeDirectory(layer, 0x1ED);
        var gone = new List<string>();
        foreach (var (path, kind) in paths.SelectMany(p => Expand(root, p.Pattern), (p, path) => (path, p.Kind)).OrderBy(p => p.path.Count(c => c == '/')))
        {
            // Below what is hidden there is nothing left to hide, only directories that must be usable.
            if (kind == HiddenPathKind.SharedDirectory || !gone.Exists(g => path.StartsWith(g, StringComparison.Ordinal)))
            {
                Hide(root.TrimEnd('/'), layer, path, kind);
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

    private static void Hide(string root, string layer, string path, HiddenPathKind kind)
    {
        var original = new FileInfo(root + path);
        var isDirectory = (original.Attributes & FileAttributes.Directory) != 0 && original.LinkTarget is null;
        if (Files.Exists(layer + path) || !CopyParents(root, layer, path))
        {
            return;
        }

        var exists = original.Exists || Directory.Exists(original.FullName);
        switch (kind)
        {
            case HiddenPathKind.SharedDirectory:
                MakeOpaque(layer + path, 0x3FF);
                break;
            case HiddenPathKind.EmptyDirectory when exists && isDirectory:
                MakeOpaque(layer + path, (uint)original.UnixFileMode);
                CopyOwner(root + path, layer + path);
                break;
            case HiddenPathKind.EmptyFile when exists && !isDirectory:
                Files.Write(layer + path, [], (uint)original.UnixFileMode);
                CopyOwner(root + path, layer + path);
                break;
            case var _ when exists:
                KernelException.Check(Libc.MakeNode(layer + path, CharacterDevice, 0), "hide", path);
                break;
            default:
                break;
        }
    }

    /// <summary>Makes the directories on the way, with the owner and mode that they have below; false if a part of the way is no directory.</summary>
    private static bool CopyParents(string root, string layer, string path)
    {
        for (var end = path.IndexOf('/', 1); end > 0; end = path.IndexOf('/', end + 1))
        {
            var part = path[..end];
            var original = new DirectoryInfo(root + part);
            if (!original.Exists || original.LinkTarget is not null)
            {
                return false;
            }

            if (!Files.Exists(layer + part))
            {
                Files.MakeDirectory(layer + part, (uint)original.UnixFileMode);
                CopyOwner(root + part, layer + part);
            }
        }

        return true;
    }

    private static void MakeOpaque(string path, uint mode)
    {
        Files.MakeDirectory(path, mode);
        using var directory = Descriptor.Open(path, ReadOnly | OnlyDirectory | NoFollow);
        var yes = (byte)'y';
        KernelException.Check(Libc.SetAttribute(directory.Number, "trusted.overlay.opaque", &yes, 1, 0), "hide", path);
    }

    private static void CopyOwner(string from, string to)
    {
        var status = FileStatus.Of(from);
        using var target = Descriptor.Open(to, ReadOnly | NoFollow);
        target.SetOwnerAndMode(status.User, status.Group, status.Mode & 0xFFF, to);
    }

    private const uint CharacterDevice = 0x2000;
}
