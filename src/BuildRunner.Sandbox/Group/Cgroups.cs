using System.Globalization;
using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Rootless;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Group;

/// <summary>The cgroup hierarchies of this host: version 1, version 2, or both at once.</summary>
internal sealed class Cgroups
{
    private readonly List<Hierarchy> _hierarchies;

    private Cgroups(List<Hierarchy> hierarchies) => _hierarchies = hierarchies;

    /// <summary>Finds the hierarchies by what is mounted.</summary>
    public static Cgroups OfThisHost()
    {
        var hierarchies = new List<Hierarchy>();
        foreach (var line in (Files.TryRead("/proc/self/mountinfo", 16 << 20) ?? "").Split('\n'))
        {
            // 36 25 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
            var halves = line.Split(" - ");
            var (left, right) = halves.Length == 2 ? (halves[0].Split(' '), halves[1].Split(' ')) : ([], []);
            if (left.Length > 4 && right.Length > 2 && right[0] is "cgroup" or "cgroup2" && hierarchies.All(h => h.Mount != left[4]))
            {
                hierarchies.Add(new Hierarchy(left[4], left[3] == "/" ? "" : left[3], right[0] == "cgroup2", right[2].Split(',')));
            }
        }

        return new Cgroups(hierarchies);
    }

    /// <summary>Where version 2 is mounted beside hierarchies of version 1.</summary>
    public IEnumerable<string> UnifiedBesideOthers => _hierarchies.Exists(h => !h.IsUnified) ? _hierarchies.Where(h => h.IsUnified).Select(h => h.Mount) : [];

    /// <summary>Makes the group's cgroup where it has a limit to carry.</summary>
    /// <remarks>Without the host's rights there is none, and no limit is kept: the engine has said so.</remarks>
    public void Create(string path, CgroupLimits limits)
    {
        foreach (var hierarchy in Rights.AreOfHost ? _hierarchies : [])
        {
            foreach (var (controller, file, value) in hierarchy.Settings(limits))
            {
                if (!hierarchy.Offers(controller))
                {
                    continue;
                }

                var directory = MakeDirectories(hierarchy, path, controller);
                Files.WriteKernelFile($"{directory}/{file}", value);
                if (controller == "memory")
                {
                    KeepFromSwap(directory, limits.MemoryBytes);
                }
            }
        }
    }

    /// <summary>Makes a container's cgroups: those that carry its limits, and one that counts whom the kernel has killed for memory.</summary>
    /// <param name="path">Below the root of each hierarchy.</param>
    /// <param name="limits">The container's own; 0: none.</param>
    /// <param name="deviceRules">Which devices it may open; empty: no rules.</param>
    public ContainerCgroup CreateForContainer(string path, CgroupLimits limits, IReadOnlyList<string> deviceRules)
    {
        Create(path, limits);
        if (deviceRules.Count > 0)
        {
            LimitDevices(path, deviceRules);
        }

        var cgroup = new ContainerCgroup();
        foreach (var hierarchy in _hierarchies)
        {
            if (hierarchy.Offers("memory"))
            {
                MakeDirectories(hierarchy, path, "memory");
            }

            var directory = $"{hierarchy.Mount}/{path}";
            if (Files.Exists(directory))
            {
                cgroup.Add(directory, hierarchy.IsUnified);
            }
        }

        return cgroup;
    }

    /// <summary>Version 2 has no files for this: there a program of the kernel's would have to be written.</summary>
    private void LimitDevices(string path, IReadOnlyList<string> rules)
    {
        var hierarchy = _hierarchies.FirstOrDefault(h => !h.IsUnified && h.Offers("devices")) ?? throw new KernelException(
            FailureKind.InvalidSpec, 0, "a device for reading or writing only needs the cgroup of devices of version 1, which this host has not; ask for the device without an access, or take Engine:Runtime=runc");
        var directory = MakeDirectories(hierarchy, path, "devices");
        Files.WriteKernelFile(directory + "/devices.deny", "a");
        foreach (var rule in rules)
        {
            Files.WriteKernelFile(directory + "/devices.allow", rule);
        }
    }

    /// <summary>As a step's own limit: swap is no memory more. A kernel that does not count swap has neither file.</summary>
    private static void KeepFromSwap(string directory, long memoryBytes)
    {
        foreach (var (file, value) in new[] { ("memory.memsw.limit_in_bytes", memoryBytes.ToString(CultureInfo.InvariantCulture)), ("memory.swap.max", "0") })
        {
            if (Files.Exists($"{directory}/{file}"))
            {
                Files.WriteKernelFile($"{directory}/{file}", value);
            }
        }
    }

    /// <summary>Removes the cgroups at a path and below, killing what is left in them; returns false if something would not go.</summary>
    public bool Remove(string path) => _hierarchies.Select(h => RemoveTree($"{h.Mount}/{path}")).ToList().TrueForAll(gone => gone);

    /// <summary>How many processes of the cgroup that a process is in the kernel has killed for memory, and a function to ask again.</summary>
    /// <remarks>Of a cgroup that the container shares with others it would be theirs.</remarks>
    public Func<long> OutOfMemoryKills(int pid)
    {
        if (!Rights.AreOfHost)
        {
            return () => 0;
        }

        foreach (var line in (Files.TryRead($"/proc/{pid}/cgroup") ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(':', 3);
            var hierarchy = parts.Length == 3
                ? _hierarchies.FirstOrDefault(h => h.IsUnified ? parts[1].Length == 0 : parts[1].Split(',').Contains("memory") && h.Offers("memory"))
                : null;
            if (hierarchy is null || !hierarchy.Offers("memory"))
            {
                continue;
            }

            var below = parts[2].StartsWith(hierarchy.Root, StringComparison.Ordinal) ? parts[2][hierarchy.Root.Length..] : parts[2];
            var file = $"{hierarchy.Mount}{below}/{(hierarchy.IsUnified ? "memory.events" : "memory.oom_control")}";
            return () => ReadCount(file, "oom_kill ");
        }

        return () => 0;
    }

    /// <summary>The file of the cgroup that this process is in, in one of the hierarchies, to which a process is moved by its number; null: there is none.</summary>
    public string? MembersBesideThisProcess()
    {
        foreach (var line in (Files.TryRead("/proc/self/cgroup") ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(':', 3);
            if (parts.Length == 3 && _hierarchies.FirstOrDefault(h => h.IsUnified ? parts[1].Length == 0 : h.Options.Contains(parts[1])) is { } hierarchy)
            {
                var below = parts[2].StartsWith(hierarchy.Root, StringComparison.Ordinal) ? parts[2][hierarchy.Root.Length..] : parts[2];
                return $"{hierarchy.Mount}{below.TrimEnd('/')}/cgroup.procs";
            }
        }

        return null;
    }

    private static long ReadCount(string file, string key)
    {
        var line = (Files.TryRead(file) ?? "").Split('\n').FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal));
        return line is not null && long.TryParse(line[key.Length..], CultureInfo.InvariantCulture, out var count) ? count : 0;
    }

    private static string MakeDirectories(Hierarchy hierarchy, string path, string controller)
    {
        var directory = hierarchy.Mount;
        foreach (var part in path.Split('/'))
        {
            if (hierarchy.IsUnified)
            {
                _ = Files.TryWriteKernelFile($"{directory}/cgroup.subtree_control", "+" + controller);
            }

            directory += "/" + part;
            if (!Files.Exists(directory))
            {
                Files.MakeDirectory(directory, 0x1ED);
            }
        }

        return directory;
    }

    private static bool RemoveTree(string directory)
    {
        if (!Directory.Exists(directory))
        {
            return true;
        }

        foreach (var child in Directory.EnumerateDirectories(directory))
        {
            RemoveTree(child);
        }

        // Processes that were killed leave their cgroup a moment later.
        for (var attempt = 0; attempt < 200; attempt++)
        {
            var result = Libc.UnlinkAt(Constants.AtCurrentDirectory, directory, Constants.AtRemoveDirectory);
            var error = Marshal.GetLastPInvokeError();
            if (result == 0 || error == Constants.ErrNoEntry)
            {
                return true;
            }

            if (error != Constants.ErrBusy)
            {
                return false;
            }

            KillAll(directory);
            Pause();
        }

        return false;
    }

    private static void KillAll(string directory)
    {
        foreach (var pid in (Files.TryRead(directory + "/cgroup.procs") ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            _ = Libc.Kill(int.Parse(pid, CultureInfo.InvariantCulture), Constants.SignalKill);
        }
    }

    /// <summary>Five milliseconds: there is no event to wait for in version 1.</summary>
    private static unsafe void Pause() => _ = Libc.Poll(null, 0, 5);

    private sealed record Hierarchy(string Mount, string Root, bool IsUnified, string[] Options)
    {
        public bool Offers(string controller) =>
            IsUnified ? (Files.TryRead($"{Mount}/cgroup.controllers") ?? "").Split([' ', '\n']).Contains(controller) : Options.Contains(controller);

        public IEnumerable<(string Controller, string File, string Value)> Settings(CgroupLimits limits)
        {
            if (limits.MemoryBytes > 0)
            {
                yield return ("memory", IsUnified ? "memory.max" : "memory.limit_in_bytes", limits.MemoryBytes.ToString(CultureInfo.InvariantCulture));
            }

            if (limits.Pids > 0)
            {
                yield return ("pids", "pids.max", limits.Pids.ToString(CultureInfo.InvariantCulture));
            }

            if (limits.Cpus > 0)
            {
                var quota = ((long)(limits.Cpus * 100_000)).ToString(CultureInfo.InvariantCulture);
                yield return ("cpu", IsUnified ? "cpu.max" : "cpu.cfs_quota_us", IsUnified ? quota + " 100000" : quota);
            }
        }
    }
}
