using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Images;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine;

/// <summary>What the containers of one workflow share.</summary>
public sealed record GroupSpec
{
    /// <summary>Unique for ever on this host: letters, digits, <c>-</c> and <c>_</c>, at most 64.</summary>
    public required string Id { get; init; }

    /// <summary>Whose group it is, for the reaper: the agent's name, or <c>local</c>.</summary>
    public required string Owner { get; init; }

    /// <summary>The workspace that every container of the group gets; null for none.</summary>
    public WorkspaceSpec? Workspace { get; init; }

    /// <summary>Limits of all containers of the group together.</summary>
    public ResourceLimits Limits { get; init; } = ResourceLimits.None;

    /// <summary>True: the profile <c>hardened</c>, for code of strangers: images cannot be written but for folders of limited size, nothing is privileged, and only what the machine's settings name is reached.</summary>
    public bool Hardened { get; init; }

    /// <summary>How many of its containers are expected to run at once, beside services. More may; they start later where an engine must first connect them.</summary>
    public int StepsAtOnce { get; init; } = 1;

    /// <summary>Labels for people and tools that look at the host (<c>io.buildrunner.run</c>, <c>io.buildrunner.workflow</c>).</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
}

/// <summary>The directory that survives from step to step of a workflow.</summary>
public sealed record WorkspaceSpec
{
    /// <summary>Where the shared volume is mounted in every container (Woodpecker: <c>workspace.base</c>).</summary>
    public required string BasePath { get; init; }

    /// <summary>Where the working tree is, absolute, at or below <see cref="BasePath"/>; the working directory of steps.</summary>
    public required string TreePath { get; init; }

    /// <summary>The directory on this host that holds the tree.</summary>
    public required string SourceDirectory { get; init; }

    /// <summary>True: steps see a copy-on-write view, and the source never changes. False: steps write to the source.</summary>
    public required bool CopyOnWrite { get; init; }

    /// <summary>True: the source is empty, and nobody wants it when the group has ended; so where the group has a disk of its own, the tree lies there, and another empty directory may
    /// take the source's place and name. Only without <see cref="CopyOnWrite"/>.</summary>
    public bool BeginsEmpty { get; init; }

    /// <summary>Steps see the tree as the workflow of this kept container had left it, and their own changes are discarded; null: as it is. Only with <see cref="CopyOnWrite"/>.</summary>
    public KeptContainer? ChangesOf { get; init; }
}

/// <summary>One container. Everything here is fixed when it is prepared, except what <see cref="StartSpec"/> completes.</summary>
public sealed record ContainerSpec
{
    /// <summary>Unique in its group; the name under which other containers of the group reach it.</summary>
    public required string Name { get; init; }

    /// <summary>The image, as <see cref="IContainerEngine.PullAsync"/> returned it.</summary>
    public required ResolvedImage Image { get; init; }

    /// <summary>Starts from the file system that this container had at its end, in place of the image's; it must be of this engine. Null: from the image.</summary>
    public KeptContainer? From { get; init; }

    /// <summary>Replaces the image's entry point; null keeps it.</summary>
    public IReadOnlyList<string>? Entrypoint { get; init; }

    /// <summary>Replaces the image's command; null keeps it (unless <see cref="Entrypoint"/> is given, as in Docker).</summary>
    public IReadOnlyList<string>? Command { get; init; }

    /// <summary>Added to the image's environment; the same name replaces.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Absolute path in the container; null: the workspace's tree if there is one, else the image's.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary><c>user[:group]</c> by name or number; null keeps the image's.</summary>
    public string? User { get; init; }

    /// <summary>Files put into the container read-only; they live outside of the image and of the workspace.</summary>
    public IReadOnlyList<InjectedFile> Files { get; init; } = [];

    /// <summary>Further directories or files of this host. The caller has decided that they are allowed.</summary>
    public IReadOnlyList<HostMount> HostMounts { get; init; } = [];

    /// <summary>Devices of this host, each at a place of its own. The caller has decided that they are allowed.</summary>
    public IReadOnlyList<HostDevice> Devices { get; init; } = [];

    /// <summary>Labels for people and tools that look at the host (<see cref="ContainerLabels"/>).</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Limits of this container.</summary>
    public ResourceLimits Limits { get; init; } = ResourceLimits.None;

    /// <summary>How the container is connected.</summary>
    public NetworkMode Network { get; init; } = NetworkMode.Group;

    /// <summary>Name servers in place of the engine's.</summary>
    public IReadOnlyList<string> Dns { get; init; } = [];

    /// <summary>Search domains.</summary>
    public IReadOnlyList<string> DnsSearch { get; init; } = [];

    /// <summary>More lines for <c>/etc/hosts</c>: <c>name:address</c>, the address of either version and without brackets.</summary>
    public IReadOnlyList<string> ExtraHosts { get; init; } = [];

    /// <summary>How to find out that a service is ready; null: the image's own check, if it has one.</summary>
    public HealthCheck? HealthCheck { get; init; }

    /// <summary>True: all capabilities, devices and no filter. The caller has decided that it is allowed.</summary>
    public bool Privileged { get; init; }

    /// <summary>False for pipelines of strangers: setuid programs gain nothing.</summary>
    public bool AllowNewPrivileges { get; init; }

    /// <summary>True: its file system is there after its end, for <see cref="IPreparedContainer.KeepAsync"/>, until it is disposed.</summary>
    public bool MayBeKept { get; init; }

    /// <summary>Time between the stop signal and KILL.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>After this time from its start the engine ends the container even if its caller is gone; null: no such limit.</summary>
    public TimeSpan? Deadline { get; init; }

    /// <summary>Where output and end are kept for a caller that comes back after its death; null: nothing outlives the caller. An engine that cannot keep them
    /// ignores it.</summary>
    public RecordSpec? Record { get; init; }
}

/// <summary>What of a container outlives its caller: all that it wrote, and how it ended (<see cref="ContainerRecord"/>).</summary>
/// <param name="Directory">A directory of this host; exists, is the caller's, and is removed by the caller when it needs it no more. One per container.</param>
/// <param name="MaxOutput">Bytes of output that are kept; what is beyond is counted and reported by <see cref="IOutputSink.MissingAsync"/>.</param>
public sealed record RecordSpec(string Directory, long MaxOutput)
{
    /// <summary>Bytes of a <see cref="Key"/>.</summary>
    public const int KeyLength = Sandbox.Wire.SpoolCipher.KeyLength;

    /// <summary>Hides the output from whoever can read the directory and does not have this; a key is for one container only. Null: it lies there as it was written.</summary>
    public ReadOnlyMemory<byte>? Key { get; init; }
}

/// <summary>Names of the labels on what BuildRunner makes on a host.</summary>
public static class ContainerLabels
{
    /// <summary>The run's id.</summary>
    public const string Run = "io.buildrunner.run";

    /// <summary>The workflow's name.</summary>
    public const string Workflow = "io.buildrunner.workflow";

    /// <summary>The step's or service's name.</summary>
    public const string Step = "io.buildrunner.step";

    /// <summary>The attempt's number.</summary>
    public const string Attempt = "io.buildrunner.attempt";

    /// <summary><c>commands</c>, <c>plugin</c>, <c>clone</c> or <c>service</c>.</summary>
    public const string StepType = "io.buildrunner.step-type";
}

/// <summary>Completes a prepared container at its start.</summary>
public sealed record StartSpec
{
    /// <summary>Replaces entry point and command; null keeps what was prepared.</summary>
    public IReadOnlyList<string>? Arguments { get; init; }

    /// <summary>Added to the environment, the same name replaces.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>What the command reads; null: nothing.</summary>
    public ContainerInput? Input { get; init; }

    /// <summary>Starts what was prepared.</summary>
    public static StartSpec AsPrepared { get; } = new();
}

/// <summary>A file put into a container, read-only. Its path lies below <see cref="Root"/>.</summary>
/// <param name="Name">File name without directories.</param>
/// <param name="Content">Content; not kept after the container has ended.</param>
/// <param name="Executable">Mode 0555 in place of 0444.</param>
/// <param name="Secret">True: mode 0400 for the container's user, in memory only.</param>
public sealed record InjectedFile(string Name, ReadOnlyMemory<byte> Content, bool Executable = false, bool Secret = false)
{
    /// <summary>The directory in the container in which injected files appear.</summary>
    public const string Root = ContainerPaths.Injected;

    /// <summary>Absolute path in the container.</summary>
    public string Path => $"{Root}/{Name}";
}

/// <summary>A directory or file of this host in a container.</summary>
/// <param name="Source">Absolute path on this host.</param>
/// <param name="Target">Absolute path in the container.</param>
/// <param name="ReadOnly">True: the container cannot write to it.</param>
public sealed record HostMount(string Source, string Target, bool ReadOnly)
{
    /// <summary>True: the source is an empty file that was made for this container; the engine may put another one in its place, which its caller then finds under the same path.</summary>
    public bool BeginsEmpty { get; init; }
}

/// <summary>A device of this host in a container, or all devices in a directory.</summary>
/// <param name="Source">Absolute path on this host, without links.</param>
/// <param name="Target">Absolute path in the container.</param>
/// <param name="Access">What may be done with it: of <c>r</c> (read), <c>w</c> (write) and <c>m</c> (make nodes of it).</param>
public sealed record HostDevice(string Source, string Target, string Access = "rwm");

/// <summary>Limits; null means that none is set here.</summary>
/// <param name="MemoryBytes">Memory, in bytes; swap is never available.</param>
/// <param name="Cpus">Processors, in whole and parts: 1.5.</param>
/// <param name="Pids">Processes and threads.</param>
/// <param name="DiskBytes">What is written to the disk: layers of containers, and the workspace unless it is the source itself. Of a group only.</param>
public sealed record ResourceLimits(long? MemoryBytes = null, double? Cpus = null, int? Pids = null, long? DiskBytes = null)
{
    /// <summary>The least that <see cref="DiskBytes"/> may be.</summary>
    public const long SmallestDisk = 16L << 20;

    /// <summary>No limit.</summary>
    public static ResourceLimits None { get; } = new();
}

/// <summary>How a container is connected.</summary>
public enum NetworkMode
{
    /// <summary>To the other containers of its group and out, as the engine's settings allow.</summary>
    Group,

    /// <summary>Loopback only.</summary>
    None,
}

/// <summary>How to find out that a service is ready (the image specification's <c>Healthcheck</c>).</summary>
/// <param name="Test">The command and its arguments, run inside the container; it is healthy when it exits with 0.</param>
/// <param name="Interval">Time between checks.</param>
/// <param name="Timeout">A check that takes longer has failed.</param>
/// <param name="Retries">Failures in a row that make it unhealthy.</param>
/// <param name="StartPeriod">Failures in this time after the start do not count.</param>
public sealed record HealthCheck(IReadOnlyList<string> Test, TimeSpan Interval, TimeSpan Timeout, int Retries, TimeSpan StartPeriod)
{
    // More is never, and more than timers take.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>Time between checks; a day at most, whatever an image or a pipeline says.</summary>
    public TimeSpan Interval { get; } = Interval < Longest ? Interval : Longest;

    /// <summary>A check that takes longer has failed; a day at most.</summary>
    public TimeSpan Timeout { get; } = Timeout < Longest ? Timeout : Longest;
}
