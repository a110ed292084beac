using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The words of the OCI runtime specification in the kernel's terms, for the launcher that asks no runtime.</summary>
internal static class KernelTerms
{
    /// <summary>In the order of the kernel's numbers.</summary>
    private static readonly string[] CapabilityNames =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
        "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
        "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE",
        "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ",
        "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ];

    /// <summary>What an option of a mount is as an attribute of it; what is not here, the file system is told.</summary>
    private static readonly Dictionary<string, uint> Attributes = new() { ["ro"] = 1, ["nosuid"] = 2, ["nodev"] = 4, ["noexec"] = 8, ["strictatime"] = 0x20 };

    /// <summary>The devices that every container has, which runtimes add by themselves.</summary>
    public static IReadOnlyList<PlannedNode> Nodes { get; } =
    [
        Node("null", 1, 3), Node("zero", 1, 5), Node("full", 1, 7), Node("random", 1, 8), Node("urandom", 1, 9), Node("tty", 5, 0),
    ];

    /// <summary>A bit for each.</summary>
    public static ulong CapabilitySet(IEnumerable<string> names)
    {
        var set = 0UL;
        foreach (var name in names)
        {
            var number = Array.IndexOf(CapabilityNames, name);
            set |= number >= 0 ? 1UL << number : throw new InvalidOperationException($"There is no capability {name}.");
        }

        return set;
    }

    /// <summary>A file system whose options are split into what the mount and what the file system is told; <c>ro</c> is said to both.</summary>
    public static PlannedFileSystem FileSystem(string type, string source, string target, string[] options) => new(
        type, source, target,
        options.Aggregate(0U, static (all, option) => all | Attributes.GetValueOrDefault(option)),
        [.. options.Where(o => o == "ro" || !Attributes.ContainsKey(o))]);

    /// <summary>Which devices may be opened; none if the nodes that are there may be used in every way, because no others work.</summary>
    public static IReadOnlyList<string> RulesOf(IReadOnlyList<DeviceOfContainer> devices) => devices.All(d => d.Access.Contains('r') && d.Access.Contains('w'))
        ? []
        : [.. Nodes.Select(n => $"c {n.Major}:{n.Minor} rwm"), "c 5:2 rwm", "c 136:* rwm", .. devices.Select(d => $"{(d.Node.IsBlock ? 'b' : 'c')} {d.Node.Major}:{d.Node.Minor} {d.Access}")];

    private static PlannedNode Node(string name, uint major, uint minor) => new("/dev/" + name, "/dev/" + name, IsBlock: false, major, minor);
}
