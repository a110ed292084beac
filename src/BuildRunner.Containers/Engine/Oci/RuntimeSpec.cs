using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>One container with BuildRunner's security profile, which is said in the words of the OCI runtime specification (<c>config.json</c>) or as a plan for the launcher of our own.</summary>
/// <remarks>
/// What is said is in the lists here, once, and both are written from them.
/// The process is always BuildRunner's init, as the container's root: it becomes the step's user before it starts the step's command.
/// Sources of mounts are prepared by the shim with their final attributes (docs/security-boundary.md).
/// </remarks>
internal sealed record RuntimeSpec
{
    /// <summary>The directory that the shim mounts the container's root file system at.</summary>
    public required string Root { get; init; }

    /// <summary>The directory of the shim's prepared files.</summary>
    public required string Bundle { get; init; }

    public required string HostName { get; init; }

    public required string UserNamespacePath { get; init; }

    public required string NetworkNamespacePath { get; init; }

    public required uint FirstHostId { get; init; }

    /// <summary>Null: the container stays in the cgroup of whoever starts it.</summary>
    public required string? CgroupPath { get; init; }

    public required ResourceLimits Limits { get; init; }

    /// <summary>In the order in which they are mounted.</summary>
    public required IReadOnlyList<(string Source, string Target)> Binds { get; init; }

    /// <summary>Devices that may be opened beside those that every container has; each is among <see cref="Binds"/> too.</summary>
    public IReadOnlyList<DeviceOfContainer> Devices { get; init; } = [];

    public required bool Privileged { get; init; }

    public required bool AllowNewPrivileges { get; init; }

    /// <summary>Bytes of <c>/dev/shm</c>.</summary>
    public required long SharedMemoryBytes { get; init; }

    public required long OpenFiles { get; init; }

    /// <summary>True: 32-bit programs of this processor may run too.</summary>
    public required bool Allow32Bit { get; init; }

    /// <summary>True: the runtime compiles the filter of system calls and puts it in force; false: the container's init has it compiled (<see cref="SeccompFilter"/>).</summary>
    public required bool FilterByRuntime { get; init; }

    /// <summary>The labels of the host's security modules that it gets, which the host has.</summary>
    public SecurityLabels Labels { get; init; } = new();

    /// <summary>True: nothing can be written but to what is mounted.</summary>
    public bool ReadOnlyRoot { get; init; }

    private static readonly string[] Arguments = [SecurityProfile.InitPath, "init"];

    private static readonly string[] Environment = ["PATH=/"];

    private static readonly (string Name, string Value)[] Settings = [("net.ipv4.ping_group_range", "0 65535"), ("net.ipv4.ip_unprivileged_port_start", "0")];

    private string[] Capabilities => Privileged ? SecurityProfile.AllCapabilities : SecurityProfile.Capabilities;

    private bool NoNewPrivileges => !AllowNewPrivileges && !Privileged;

    private string[] MaskedPaths => Privileged ? [] : SecurityProfile.MaskedPaths;

    private string[] ReadOnlyPaths => Privileged ? [] : SecurityProfile.ReadOnlyPaths;

    /// <summary>Soft and hard, by the names of the specification and the numbers of the kernel.</summary>
    private (string Name, int Number, long Value)[] ProcessLimits => [("RLIMIT_NOFILE", 7, OpenFiles), ("RLIMIT_CORE", 4, 0)];

    /// <summary>In the order in which they are mounted, before <see cref="Binds"/>.</summary>
    private (string Type, string Source, string Target, string[] Options)[] FileSystems =>
    [
        ("proc", "proc", "/proc", ["nosuid", "noexec", "nodev"]),
        ("tmpfs", "tmpfs", "/dev", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        ("devpts", "devpts", "/dev/pts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        ("tmpfs", "shm", "/dev/shm", ["nosuid", "noexec", "nodev", "mode=1777", $"size={SharedMemoryBytes}"]),
        ("mqueue", "mqueue", "/dev/mqueue", ["nosuid", "noexec", "nodev"]),
        ("sysfs", "sysfs", "/sys", ["nosuid", "noexec", "nodev", "ro"]),
    ];

    /// <summary>What <see cref="LaunchPlan.Labels"/> is told. A privileged container is unconfined, as in other engines.</summary>
    private IEnumerable<PlannedLabel> LabelFiles()
    {
        if (AppArmorProfile is { } profile)
        {
            yield return new PlannedLabel($"the AppArmor profile {profile}", "self/attr/apparmor/exec", "exec " + profile);
        }

        if (Labels.SelinuxLabel is { } label)
        {
            yield return new PlannedLabel($"the SELinux label {label}", "self/attr/exec", label);
        }
    }

    private string? AppArmorProfile => Privileged ? null : Labels.AppArmorProfile;

    /// <summary>Of the file systems that a user namespace may label.</summary>
    private string[] WithLabel(string type, string[] options) => Labels.SelinuxMountLabel is { } label && type is "tmpfs" or "devpts" ? [.. options, "context=" + label] : options;

    /// <summary>The specification as a plan for the launcher of our own.</summary>
    public LaunchPlan ToPlan() => new()
    {
        Root = Root,
        ReadOnlyRoot = ReadOnlyRoot,
        HostName = HostName,
        UserNamespacePath = UserNamespacePath,
        NetworkNamespacePath = NetworkNamespacePath,
        Arguments = Arguments,
        Environment = Environment,
        Capabilities = KernelTerms.CapabilitySet(Capabilities),
        NoNewPrivileges = NoNewPrivileges,
        Filter = Privileged || !FilterByRuntime ? [] : SeccompFilter.Of(RuntimeInformation.ProcessArchitecture, Allow32Bit),
        ResourceLimits = [.. ProcessLimits.Select(l => new PlannedLimit(l.Number, (ulong)l.Value))],
        FileSystems = [.. FileSystems.Select(f => KernelTerms.FileSystem(f.Type, f.Source, f.Target, WithLabel(f.Type, f.Options)))],
        Nodes = KernelTerms.Nodes,
        Binds = [.. Binds.Select(b => new PlannedBind(b.Source, b.Target))],
        MaskedPaths = MaskedPaths,
        ReadOnlyPaths = ReadOnlyPaths,
        Labels = [.. LabelFiles()],
        Settings = [.. Settings.Select(s => new PlannedSetting(s.Name, s.Value))],
        HasCgroup = CgroupPath is not null,
        Limits = new CgroupLimits(Limits.MemoryBytes ?? 0, Limits.Cpus ?? 0, Limits.Pids ?? 0),
        DeviceRules = KernelTerms.RulesOf(Devices),
    };

    /// <summary>The specification as JSON.</summary>
    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(16 * 1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("ociVersion", "1.0.2");
            writer.WriteString("hostname", HostName);
            writer.WriteStartObject("root");
            writer.WriteString("path", Root);
            writer.WriteBoolean("readonly", ReadOnlyRoot);
            writer.WriteEndObject();
            WriteProcess(writer);
            WriteMounts(writer);
            WriteLinux(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private void WriteProcess(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("process");
        writer.WriteStartObject("user");
        writer.WriteNumber("uid", 0);
        writer.WriteNumber("gid", 0);
        writer.WriteEndObject();
        Strings(writer, "args", Arguments);
        Strings(writer, "env", Environment);
        writer.WriteString("cwd", "/");
        writer.WriteBoolean("noNewPrivileges", NoNewPrivileges);
        if (AppArmorProfile is { } profile)
        {
            writer.WriteString("apparmorProfile", profile);
        }

        if (Labels.SelinuxLabel is { } label)
        {
            writer.WriteString("selinuxLabel", label);
        }

        writer.WriteStartObject("capabilities");
        foreach (var set in (string[])["bounding", "effective", "permitted"])
        {
            Strings(writer, set, Capabilities);
        }

        writer.WriteEndObject();
        writer.WriteStartArray("rlimits");
        foreach (var (name, _, value) in ProcessLimits)
        {
            Rlimit(writer, name, value);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Rlimit(Utf8JsonWriter writer, string type, long value)
    {
        writer.WriteStartObject();
        writer.WriteString("type", type);
        writer.WriteNumber("soft", value);
        writer.WriteNumber("hard", value);
        writer.WriteEndObject();
    }

    private void WriteMounts(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("mounts");
        foreach (var (type, source, target, options) in FileSystems)
        {
            Mount(writer, type, source, target, options);
        }

        foreach (var (source, target) in Binds)
        {
            Mount(writer, "bind", source, target, "rbind");
        }

        writer.WriteEndArray();
    }

    private static void Mount(Utf8JsonWriter writer, string type, string source, string target, params ReadOnlySpan<string> options)
    {
        writer.WriteStartObject();
        writer.WriteString("destination", target);
        writer.WriteString("type", type);
        writer.WriteString("source", source);
        writer.WriteStartArray("options");
        foreach (var option in options)
        {
            writer.WriteStringValue(option);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private void WriteLinux(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("linux");
        WriteNamespaces(writer);
        foreach (var map in (string[])["uidMappings", "gidMappings"])
        {
            writer.WriteStartArray(map);
            writer.WriteStartObject();
            writer.WriteNumber("containerID", 0);
            writer.WriteNumber("hostID", FirstHostId);
            writer.WriteNumber("size", 65536);
            writer.WriteEndObject();
            writer.WriteEndArray();
        }

        writer.WriteStartObject("sysctl");
        foreach (var (name, value) in Settings)
        {
            writer.WriteString(name, value);
        }

        writer.WriteEndObject();
        if (CgroupPath is not null)
        {
            writer.WriteString("cgroupsPath", CgroupPath);
        }

        if (Labels.SelinuxMountLabel is { } mountLabel)
        {
            writer.WriteString("mountLabel", mountLabel);
        }

        WriteResources(writer);
        if (!Privileged)
        {
            Strings(writer, "maskedPaths", MaskedPaths);
            Strings(writer, "readonlyPaths", ReadOnlyPaths);
            if (FilterByRuntime)
            {
                writer.WritePropertyName("seccomp");
                SeccompProfile.Write(writer, Allow32Bit);
            }
        }

        writer.WriteEndObject();
    }

    private void WriteNamespaces(Utf8JsonWriter writer)
    {
        (string Type, string? Path)[] namespaces =
        [
            ("user", UserNamespacePath), ("network", NetworkNamespacePath), ("mount", null), ("pid", null), ("ipc", null), ("uts", null), ("cgroup", null),
        ];
        writer.WriteStartArray("namespaces");
        foreach (var (type, path) in namespaces)
        {
            writer.WriteStartObject();
            writer.WriteString("type", type);
            if (path is not null)
            {
                writer.WriteString("path", path);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private void WriteResources(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("resources");
        writer.WriteStartArray("devices");
        writer.WriteStartObject();
        writer.WriteBoolean("allow", false);
        writer.WriteString("access", "rwm");
        writer.WriteEndObject();
        foreach (var device in Devices)
        {
            WriteDeviceRule(writer, device);
        }

        writer.WriteEndArray();
        if (Limits.MemoryBytes is { } memory)
        {
            writer.WriteStartObject("memory");
            writer.WriteNumber("limit", memory);
            writer.WriteNumber("swap", memory);
            writer.WriteEndObject();
        }

        if (Limits.Cpus is { } cpus)
        {
            writer.WriteStartObject("cpu");
            writer.WriteNumber("quota", (long)(cpus * 100_000));
            writer.WriteNumber("period", 100_000);
            writer.WriteEndObject();
        }

        if (Limits.Pids is { } pids)
        {
            writer.WriteStartObject("pids");
            writer.WriteNumber("limit", pids);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static void WriteDeviceRule(Utf8JsonWriter writer, DeviceOfContainer device)
    {
        writer.WriteStartObject();
        writer.WriteBoolean("allow", true);
        writer.WriteString("type", device.Node.IsBlock ? "b" : "c");
        writer.WriteNumber("major", device.Node.Major);
        writer.WriteNumber("minor", device.Node.Minor);
        writer.WriteString("access", device.Access);
        writer.WriteEndObject();
    }

    private static void Strings(Utf8JsonWriter writer, string name, IEnumerable<string> values)
    {
        writer.WriteStartArray(name);
        foreach (var value in values)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }
}
