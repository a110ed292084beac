using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Storage.Archives;

namespace BuildRunner.Containers.Storage;

/// <summary>Finds in the layers of an image what a directory held that a container renamed.</summary>
/// <param name="layers">Their directories, lowest first.</param>
internal sealed unsafe class RenamedFolders(IReadOnlyList<string> layers)
{
    private readonly Dictionary<string, string> _origins = new(StringComparer.Ordinal);

    /// <summary>The directories of the layers that a redirect leads to, uppermost first. The caller closes them.</summary>
    /// <param name="node">The renamed directory.</param>
    /// <param name="redirect">Where it was: a path in the image, or a name in the same directory.</param>
    /// <exception cref="ContainerException">It leads out of the image.</exception>
    public List<TreeFolder> Open(in TreeNode node, byte[] redirect)
    {
        var path = Encoding.UTF8.GetString(node.Path);
        var text = Encoding.UTF8.GetString(redirect);
        var origin = text.StartsWith('/') ? text.Trim('/') : $"{OriginOf(ParentOf(path))}/{text}".Trim('/');
        var parts = origin.Split('/');
        if (parts.Any(part => part is "" or "." or ".."))
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"The directory '{path}' was renamed from '{origin}', which is no path of the image.");
        }

        _origins[path] = origin;
        var folders = new List<TreeFolder>();
        foreach (var layer in layers.Reverse())
        {
            if (!TryGoOn(layer, parts, folders))
            {
                break;
            }
        }

        return folders;
    }

    /// <summary>Adds a directory's child of a name, if it is a directory. False: nothing below it shows through.</summary>
    public static bool TryGoOn(TreeFolder parent, ReadOnlySpan<byte> name, List<TreeFolder> folders)
    {
        byte[] call = [.. name, 0];
        Libc.FileStatus status;
        fixed (byte* bytes = call)
        {
            if (Libc.Status(parent.Descriptor, bytes, Libc.AtSymlinkNoFollow, Libc.FileStatus.Basic, &status) != 0)
            {
                return true;
            }

            if ((status.Mode & Libc.TypeMask) != Libc.TypeDirectory)
            {
                return false;
            }

            var descriptor = Libc.OpenAt(parent.Descriptor, bytes, Libc.ReadOnly | Libc.DirectoryOnly | Libc.NoFollow | Libc.CloseOnExec, 0);
            if (descriptor < 0)
            {
                return true;
            }

            folders.Add(new TreeFolder(descriptor, parent.IsLower));
        }

        return LayerDiff.Attribute(new TreeNode(name.ToArray(), name.ToArray(), parent.Descriptor, status), "trusted.overlay.opaque"u8) is not [(byte)'y'];
    }

    // One layer: each part of the path in turn. What hides anything on the way hides it of all lower layers.
    private static bool TryGoOn(string layer, string[] parts, List<TreeFolder> folders)
    {
        int root;
        fixed (byte* path = Encoding.UTF8.GetBytes(layer + "\0"))
        {
            root = Libc.OpenAt(Libc.AtCurrentDirectory, path, Libc.ReadOnly | Libc.DirectoryOnly | Libc.CloseOnExec, 0);
        }

        if (root < 0)
        {
            throw new ContainerException(ContainerFailure.Lost, $"The layer {layer} of the image was removed.", isTransient: true);
        }

        var way = new List<TreeFolder> { new(root, true) };
        var shows = true;
        foreach (var part in parts)
        {
            var count = way.Count;
            shows &= TryGoOn(way[^1], Encoding.UTF8.GetBytes(part), way);
            if (way.Count == count)
            {
                break;
            }
        }

        var isThere = way.Count == parts.Length + 1;
        foreach (var folder in isThere ? way[..^1] : way)
        {
            _ = Libc.Close(folder.Descriptor);
        }

        if (isThere)
        {
            folders.Add(way[^1]);
        }

        return shows;
    }

    // Where a directory's content lies in the image: it may be in one that was renamed.
    private string OriginOf(string path)
    {
        for (var (at, rest) = (path, ""); ; (at, rest) = (ParentOf(at), $"/{at[(at.LastIndexOf('/') + 1)..]}{rest}"))
        {
            if (_origins.TryGetValue(at, out var origin))
            {
                return origin + rest;
            }

            if (at.Length == 0)
            {
                return path;
            }
        }
    }

    private static string ParentOf(string path) => path.LastIndexOf('/') is var slash and > 0 ? path[..slash] : "";
}
