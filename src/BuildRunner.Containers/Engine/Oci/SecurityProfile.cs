namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The lists of the security profile <c>standard</c>; the system calls are in <c>seccomp.json</c>.</summary>
internal static class SecurityProfile
{
    /// <summary>The container's first process, as the shim mounts it.</summary>
    public const string InitPath = InjectedFile.Root + "/" + InitName;

    public const string InitName = "buildrunner-init";

    /// <summary>
    /// What root may do in a container: Docker's list without <c>MKNOD</c> (a user namespace cannot use it), <c>NET_RAW</c> (it can forge
    /// the addresses of the group's other containers; <c>ping</c> works without it) and <c>AUDIT_WRITE</c> (the audit log is the host's).
    /// </summary>
    public static readonly string[] Capabilities =
    [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP",
        "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL",
    ];

    /// <summary>Every capability that a user namespace can give, for privileged containers.</summary>
    public static readonly string[] AllCapabilities =
    [
        .. Capabilities, "CAP_MKNOD", "CAP_NET_RAW", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_AUDIT_READ", "CAP_BLOCK_SUSPEND", "CAP_BPF",
        "CAP_CHECKPOINT_RESTORE", "CAP_DAC_READ_SEARCH", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_LEASE", "CAP_LINUX_IMMUTABLE", "CAP_MAC_ADMIN",
        "CAP_MAC_OVERRIDE", "CAP_NET_ADMIN", "CAP_NET_BROADCAST", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_MODULE", "CAP_SYS_NICE",
        "CAP_SYS_PACCT", "CAP_SYS_PTRACE", "CAP_SYS_RAWIO", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_SYSLOG", "CAP_WAKE_ALARM",
    ];

    public static readonly string[] MaskedPaths =
    [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
        "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
    ];

    public static readonly string[] ReadOnlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
}
