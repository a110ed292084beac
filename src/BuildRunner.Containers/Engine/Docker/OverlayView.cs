namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A copy-on-write view of a directory, mounted on this host where an engine of this host sees it.</summary>
internal static class OverlayView
{
    private const UnixFileMode EverybodyWrites = UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite
        | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Mounts it; false where the host does not allow it: no right, no overlay, or a path that overlay cannot name.</summary>
    /// <param name="source">What is viewed; never changed.</param>
    /// <param name="changes">Seen over the source, and not changed either; null: nothing.</param>
    /// <param name="scratch">The group's directory, for what is written.</param>
    /// <param name="view">Where it appears: <c>view/tree</c> of the scratch directory.</param>
    public static bool TryMount(string source, string? changes, string scratch, string view)
    {
        var (upper, work) = (Path.Combine(scratch, "upper"), Path.Combine(scratch, "work"));
        if (Libc.GetEffectiveUserId() != 0 || (source + changes + scratch).AsSpan().ContainsAny(",:\\\""))
        {
            return false;
        }

        // The view lies in a mount of its own: an engine that cannot see our mounts then finds no directory, instead of an empty one.
        var (place, outside) = (Path.GetDirectoryName(view)!, Path.Combine(scratch, "store"));
        Directory.CreateDirectory(upper);
        Directory.CreateDirectory(work);
        Directory.CreateDirectory(place);
        Directory.CreateDirectory(Path.Combine(outside, "tree"));
        if (Libc.Mount(outside, place, null, Libc.Bind, null) != 0)
        {
            return false;
        }

        // Containers share this host's user ids: a step that is not root would not be allowed to write into a tree of root's.
        File.SetUnixFileMode(upper, File.GetUnixFileMode(source) | EverybodyWrites);
        if (Libc.Mount("overlay", view, "overlay", 0, $"lowerdir={(changes is null ? source : $"{changes}:{source}")},upperdir={upper},workdir={work}") == 0)
        {
            return true;
        }

        _ = Libc.Unmount(place, Libc.DetachMount | Libc.NoFollowMount);
        return false;
    }

    /// <summary>Takes away every mount below a directory, the last one first.</summary>
    public static void Unmount(string scratch)
    {
        foreach (var point in MountsBelow(scratch))
        {
            _ = Libc.Unmount(point, Libc.DetachMount | Libc.NoFollowMount);
        }
    }

    private static List<string> MountsBelow(string directory) => File.ReadLines("/proc/self/mountinfo")
        .Select(line => line.Split(' ')[4].Replace("\\040", " ", StringComparison.Ordinal))
        .Where(point => point.StartsWith(directory + "/", StringComparison.Ordinal))
        .Reverse()
        .ToList();
}
