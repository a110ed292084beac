using System.Runtime.InteropServices;
using BuildRunner.Containers.Networks;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Settings of the embedded engine. Every default is usable as it is.</summary>
public sealed class OciEngineOptions
{
    /// <summary>Where mount points, runtime state and locks lie; made with mode 0711 if it is not there. Best on a <c>tmpfs</c>.</summary>
    public string StateRoot { get; set; } = "/run/buildrunner";

    /// <summary>Where the writable layers of containers lie while they run. A path without <c>:</c>, <c>,</c> and <c>\</c>.</summary>
    public string ScratchRoot { get; set; } = "/var/lib/buildrunner/scratch";

    /// <summary>Where kept containers lie: on the file system of the writable layers, because these are moved there. No group has this name.</summary>
    internal string KeptRoot => Path.Combine(ScratchRoot, ".kept");

    /// <summary>BuildRunner's native helper; null: the variable <c>BUILDRUNNER_SANDBOX</c>, else beside the executable.</summary>
    public string? SandboxPath { get; set; }

    /// <summary>The OCI runtime: a name on the search path, or a path. <c>runc</c>, <c>crun</c> … <c>direct</c>: none, BuildRunner makes containers by itself (decision 221).</summary>
    public string RuntimePath { get; set; } = "runc";

    /// <summary>How containers are connected.</summary>
    public NetworkOptions Network { get; set; } = new();

    /// <summary>Limits of a container whose specification sets none.</summary>
    public ResourceLimits DefaultLimits { get; set; } = new(Pids: 4096);

    /// <summary>Bytes of <c>/dev/shm</c> of a container; they count as its memory.</summary>
    public long SharedMemoryBytes { get; set; } = 512L << 20;

    /// <summary>How many files a process of a container may open; lowered to what this process may itself.</summary>
    public long OpenFiles { get; set; } = 1 << 20;

    /// <summary>Allows 32-bit programs of this processor in containers. On x86-64 they make sockets by one call with its arguments in memory, where no filter sees of which family.</summary>
    public bool Allow32Bit { get; set; }

    /// <summary>The labels of the host's security modules.</summary>
    public SecurityLabels Labels { get; set; } = new();

    /// <summary>How groups with the profile <c>hardened</c> are kept.</summary>
    public HardenedOptions Hardened { get; set; } = new();

    /// <summary>So long waits what was made for a workflow that may come. It takes memory, and keeps its image in use.</summary>
    internal TimeSpan ReadyFor { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>True: these are the settings of groups with the profile <c>hardened</c>.</summary>
    internal bool IsHardened { get; private set; }

    /// <summary>The first of the host's user ids that containers may get: 65,536 for each group that lives at once. Beyond those that distributions hand out.</summary>
    public uint FirstHostId { get; set; } = 0x7000_0000;

    /// <summary>More paths that containers of <c>rootfs:</c> images must not see; a <c>*</c> stands for anything in the last part.</summary>
    public IReadOnlyList<string> HiddenPaths { get; set; } = [];

    /// <summary>The ordinary user for whom containers run; null: for root of this host.</summary>
    internal RootlessUser? User { get; } = RootlessUser.OfThisProcess;

    /// <summary>The settings of a group: these, or with the profile <c>hardened</c> a copy that says what that means.</summary>
    internal OciEngineOptions For(GroupSpec group)
    {
        if (!group.Hardened)
        {
            return this;
        }

        var copy = (OciEngineOptions)MemberwiseClone();
        (copy.IsHardened, copy.RuntimePath, copy.Network) = (true, Hardened.RuntimePath ?? RuntimePath, Network.Only(Hardened.Egress));
        return copy;
    }

    /// <summary>Why containers are not made by ourselves on another processor.</summary>
    internal static string NoDirectOn(Architecture processor) => $"Engine:Runtime=direct makes containers by code for x86-64, and this is {processor}, where nobody has tried it";

    /// <summary>Checks the settings.</summary>
    /// <returns>What is wrong, one sentence each; empty if nothing is.</returns>
    public IReadOnlyList<string> Problems()
    {
        var problems = new List<string>();
        foreach (var (name, path) in new[] { (nameof(StateRoot), StateRoot), (nameof(ScratchRoot), ScratchRoot) })
        {
            if (!Path.IsPathRooted(path) || path.AsSpan().ContainsAny(":,\\\n"))
            {
                problems.Add($"{name} '{path}' must be an absolute path without ':', ',' and '\\'.");
            }
        }

        if (FirstHostId is 0 or > uint.MaxValue - (65536u * 4096))
        {
            problems.Add($"{nameof(FirstHostId)} {FirstHostId} leaves no room for the ids of groups.");
        }

        if (Sandbox.Wire.LaunchPlan.RuntimeName is var direct && (RuntimePath == direct || Hardened.RuntimePath == direct) && RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            problems.Add(NoDirectOn(RuntimeInformation.ProcessArchitecture) + "; take runc.");
        }

        problems.AddRange(Labels.Problems());
        problems.AddRange(Hardened.Problems());
        problems.AddRange(Network.Problems());
        return problems;
    }
}
