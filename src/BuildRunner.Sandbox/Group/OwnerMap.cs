using System.Globalization;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Rootless;

namespace BuildRunner.Sandbox.Group;

/// <summary>Says whose ids the owners of files on disk are inside a group's containers. Null: they are the same, because this process may map none.</summary>
internal static class OwnerMap
{
    /// <summary>How many ids a group has.</summary>
    public const uint Count = 65536;

    /// <summary>Every id of a disk is the same id inside.</summary>
    public static string Same(uint firstHostId) => Line(0, firstHostId, Count);

    /// <summary>The ids that this process has, as they are: in the pieces in which they were given, across which the kernel takes no map.</summary>
    /// <param name="file"><c>uid_map</c> or <c>gid_map</c>.</param>
    public static string Own(string file)
    {
        var map = "";
        foreach (var line in (Files.TryRead("/proc/self/" + file) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var (first, count) = (uint.Parse(words[0], CultureInfo.InvariantCulture), uint.Parse(words[2], CultureInfo.InvariantCulture));
            map += first < Count ? Line(first, first, Math.Min(count, Count - first)) : "";
        }

        return map;
    }

    /// <summary>One owner on disk is another id inside, and the other way round; all else is the same. So nothing is lost where both occur.</summary>
    /// <param name="owner">The id on disk.</param>
    /// <param name="inside">The id that it shall be in the container.</param>
    /// <param name="firstHostId">The host id of the container's id 0.</param>
    public static string Exchange(uint owner, uint inside, uint firstHostId)
    {
        if (owner == inside)
        {
            return Same(firstHostId);
        }

        var (low, high) = owner < inside ? (owner, inside) : (inside, owner);
        var map = Line(owner, firstHostId + inside, 1);
        map += owner < Count ? Line(inside, firstHostId + owner, 1) : "";
        map += low > 0 ? Line(0, firstHostId, Math.Min(low, Count)) : "";
        map += high - low > 1 && low + 1 < Count ? Line(low + 1, firstHostId + low + 1, Math.Min(high, Count) - low - 1) : "";
        map += high + 1 < Count ? Line(high + 1, firstHostId + high + 1, Count - high - 1) : "";
        return map;
    }

    /// <summary>A namespace that stands for the map by which the owner of a directory becomes a container's user.</summary>
    public static Descriptor? OfDirectory(string directory, uint user, uint group, uint firstHostId)
    {
        if (!Rights.AreOfHost)
        {
            return null;
        }

        var status = FileStatus.Of(directory);
        using var users = UserNamespace.Create(Exchange(status.User, user, firstHostId), Exchange(status.Group, group, firstHostId));
        return users.Open();
    }

    /// <summary>A namespace that stands for the map by which the ids of another group's containers become those of this one's.</summary>
    /// <param name="firstOnDisk">The id that was the other group's root.</param>
    /// <param name="firstHostId">The host id of the container's id 0.</param>
    public static Descriptor? OfGroup(uint firstOnDisk, uint firstHostId)
    {
        if (!Rights.AreOfHost)
        {
            return null;
        }

        var map = Line(firstOnDisk, firstHostId, Count);
        using var users = UserNamespace.Create(map, map);
        return users.Open();
    }

    private static string Line(uint onDisk, uint host, uint count) => $"{onDisk} {host} {count}\n";
}
