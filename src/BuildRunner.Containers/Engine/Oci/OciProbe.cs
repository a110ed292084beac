using System.Runtime.InteropServices;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Networks;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Finds out by doing whether this host can run containers: what can be looked up is, and then a container is run.</summary>
internal sealed class OciProbe(OciEngine engine, OciEngineOptions options, Lazy<string> sandboxPath)
{
    private const string InstallRuntime = "apt-get install runc, or name another with Engine:Runtime";

    public async Task<EngineReadiness> RunAsync(CancellationToken cancellationToken)
    {
        List<ReadinessCheck> checks = [Rights(), Helper(), await RuntimeAsync(cancellationToken)];
        if (checks.All(c => c.Status != ReadinessStatus.Failed) && Environment.IsPrivilegedProcess)
        {
            checks.Insert(0, await ContainerAsync(cancellationToken));
        }

        if (options.Hardened.IsWanted && checks[0] is { Name: "engine", Status: ReadinessStatus.Ok })
        {
            checks.Add(await HardenedAsync(cancellationToken));
        }

        if (!RootlessUser.IsRootOfHost)
        {
            var account = RootlessAccount.OfThisUser();
            checks.AddRange(account.Checks().Except(options.Network.Uplink ? [] : account.SlirpNetwork()));
        }
        else
        {
            checks.Add(Cgroups());
            checks.Add(WorkflowDisks());
        }

        _ = HostModules.OfThisHost.Choose(options.Labels, out var label);
        checks.Add(label);
        checks.Add(LandlockOfHost.Check(LandlockOfHost.Version));
        if (options.Network.Uplink)
        {
            checks.Add(PacketFilter());
        }

        return new EngineReadiness(checks.All(c => c.Status != ReadinessStatus.Failed), checks);
    }

    private static ReadinessCheck Rights() =>
        RootlessUser.OfThisProcess is { } user ? new ReadinessCheck("rights", ReadinessStatus.Ok, $"{user.Name}, in a user namespace of their own")
        : Environment.IsPrivilegedProcess ? new ReadinessCheck("rights", ReadinessStatus.Ok, "root")
        : RootlessAccount.ProblemOf(RootlessAccount.OfThisUser().Needed()) is null
            ? new ReadinessCheck("rights", ReadinessStatus.Ok, $"{Environment.UserName}, who may have a user namespace of their own")
        : new ReadinessCheck(
            "rights", ReadinessStatus.Failed, $"{Environment.UserName} is not root, and this host lacks what an ordinary user's containers need",
            "do what the lines that begin with rootless say, run it with sudo, or take --engine docker");

    private ReadinessCheck Helper()
    {
        try
        {
            return new ReadinessCheck("helper", ReadinessStatus.Ok, sandboxPath.Value);
        }
        catch (ContainerException missing)
        {
            // That is the finding.
            return new ReadinessCheck("helper", ReadinessStatus.Failed, missing.Message);
        }
    }

    private async Task<ReadinessCheck> RuntimeAsync(CancellationToken cancellationToken)
    {
        if (options.RuntimePath == LaunchPlan.RuntimeName)
        {
            return OfDirect(Environment.OSVersion.Version, RuntimeInformation.ProcessArchitecture);
        }

        try
        {
            var version = await HelperProgram.RunAsync(options.RuntimePath, ["--version"], cancellationToken);
            return OfVersion(version, RuntimeHoles.ChangelogOf(version));
        }
        catch (ContainerException missing)
        {
            // That is the finding.
            return new ReadinessCheck("runtime", ReadinessStatus.Failed, missing.Message, InstallRuntime);
        }
    }

    /// <summary>BuildRunner's own launcher needs nothing but a kernel that maps the owners of an overlay's layers.</summary>
    internal static ReadinessCheck OfDirect(Version kernel, Architecture processor) =>
        processor != Architecture.X64 ? new ReadinessCheck("runtime", ReadinessStatus.Failed, OciEngineOptions.NoDirectOn(processor), "take Engine:Runtime=runc")
        : kernel >= new Version(5, 19) ? new ReadinessCheck("runtime", ReadinessStatus.Ok, $"direct: containers are made by BuildRunner itself (Linux {kernel.ToString(2)})")
        : new ReadinessCheck("runtime", ReadinessStatus.Failed, $"Engine:Runtime=direct needs Linux 5.19, and this is {kernel.ToString(2)}", "take Engine:Runtime=runc");

    /// <summary>The runtime, and the holes that it is known to have.</summary>
    internal static ReadinessCheck OfVersion(string version, string changelog)
    {
        var line = version.Split('\n')[0];
        return RuntimeHoles.Of(version, changelog) is { Count: > 0 } holes
            ? new ReadinessCheck(
                "runtime", ReadinessStatus.Warning, $"{line}, with known holes: {string.Join("; ", holes)}",
                "install a newer one, or name it with Engine:Runtime. " + (RootlessUser.IsRootOfHost ? "Root of a container is nobody on this host" : "Root of a container has no more rights on this host than you have") + ", which takes the edge off most of them")
            {
                Brief = $"{line} has {holes.Count} known {(holes.Count == 1 ? "hole" : "holes")}",
            }
            : new ReadinessCheck("runtime", ReadinessStatus.Ok, line);
    }

    /// <summary>The same in the profile hardened, with its own runtime.</summary>
    private async Task<ReadinessCheck> HardenedAsync(CancellationToken cancellationToken)
    {
        var check = await ContainerAsync(cancellationToken, hardened: true);
        var hardened = options.Hardened;
        var way = hardened.Egress.Count == 0 ? "no way out (Engine:HardenedEgress)" : $"a way out to {string.Join(", ", hardened.Egress)}";
        return check with
        {
            Name = "hardened",
            Detail = check.Status == ReadinessStatus.Failed ? check.Detail
                : $"a container ran by {hardened.RuntimePath ?? options.RuntimePath} with its image read-only, {hardened.ScratchBytes >> 20} MiB for temporary files and {way}",
            Remedy = check.Status == ReadinessStatus.Failed && hardened.RuntimePath is { } runtime ? $"take another Engine:HardenedRuntime than {runtime}" : check.Remedy,
        };
    }

    /// <summary>Everything at once: namespaces, overlay, id-mapped layers, network, limits, filter.</summary>
    private Task<ReadinessCheck> ContainerAsync(CancellationToken cancellationToken, bool hardened = false) =>
        options.User is not null ? WithoutRootAsync(hardened, cancellationToken)
        : new DriveInfo("/").DriveFormat.StartsWith("overlay", StringComparison.Ordinal) ? InContainerAsync(cancellationToken, hardened) : RunAsync("/", "/bin/true", 0, hardened, cancellationToken);

    /// <summary>The same where this machine is a container itself: its file system is an overlay, whose owners the kernel maps for nobody, and so is no image; images in the store are.</summary>
    /// <remarks>The helper is a whole file system: it is static, and whoever starts it by hand is answered with status 2.</remarks>
    internal async Task<ReadinessCheck> InContainerAsync(CancellationToken cancellationToken, bool hardened = false)
    {
        var root = Path.Combine(Path.GetDirectoryName(options.ScratchRoot)!, ".probe");
        try
        {
            Directory.CreateDirectory(root, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            var copy = Path.Combine(root, $"{Guid.NewGuid():N}.new");
            File.Copy(sandboxPath.Value, copy);
            File.Move(copy, Path.Combine(root, "helper"), overwrite: true);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return new ReadinessCheck("engine", ReadinessStatus.Failed, $"nothing can be written beside {options.ScratchRoot}: {problem.Message}");
        }

        var check = await RunAsync(root, "/helper", 2, hardened, cancellationToken);
        return check.Status == ReadinessStatus.Failed
            ? check with { Remedy = check.Remedy ?? "give the container a volume at /var/lib/buildrunner, and what 'privileged' gives" }
            : check with { Detail = $"{check.Detail}; this machine is a container itself, so rootfs:/ is no image here" };
    }

    /// <summary>The same for an ordinary user, to whom the machine's own file system is no image: in an empty folder, with the engine's own first process as the command.</summary>
    private async Task<ReadinessCheck> WithoutRootAsync(bool hardened, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(options.ScratchRoot, $".doctor-{Guid.NewGuid():N}");
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return new ReadinessCheck("engine", ReadinessStatus.Failed, $"nothing can be written to {options.ScratchRoot}: {problem.Message}");
        }

        var check = await RunAsync(folder, SecurityProfile.InitPath, 2, hardened, cancellationToken);
        Directory.Delete(folder, recursive: true);
        return check;
    }

    private async Task<ReadinessCheck> RunAsync(string folder, string program, int status, bool hardened, CancellationToken cancellationToken)
    {
        try
        {
            _ = ImageReference.TryParse($"rootfs:{folder}", null, out var root, out _);
            var image = await engine.PullAsync(root!, new PullOptions(), null, cancellationToken);
            await using var group = await engine.CreateGroupAsync(new GroupSpec { Id = $"doctor-{Guid.NewGuid():N}", Owner = "doctor", Hardened = hardened }, cancellationToken);
            await using var container = await group.PrepareAsync(new ContainerSpec { Name = "doctor", Image = image, Command = [program], WorkingDirectory = "/" }, cancellationToken);
            var exit = await group.RunAsync(container, StartSpec.AsPrepared, Nowhere.Sink, cancellationToken);
            return exit is ContainerExit.Exited(var ended) && ended == status
                ? new ReadinessCheck("engine", ReadinessStatus.Ok, "a container ran, with a user namespace, an overlay and a network of its own")
                : new ReadinessCheck("engine", ReadinessStatus.Failed, $"a container ended with status {exit.Status} in place of {status}");
        }
        catch (ContainerException failure)
        {
            // That is the finding.
            return new ReadinessCheck("engine", ReadinessStatus.Failed, failure.Message, failure.Reason == ContainerFailure.EngineUnavailable ? "see the lines below" : null);
        }
    }

    private static ReadinessCheck Cgroups() => new("limits", ReadinessStatus.Ok,
        File.Exists("/sys/fs/cgroup/cgroup.controllers") ? "cgroup v2"
        : Directory.Exists("/sys/fs/cgroup/unified") ? "cgroup v1 with v2 beside it"
        : "cgroup v1");

    private static ReadinessCheck WorkflowDisks() => (IsOnThePath("mkfs.ext4"), File.Exists("/dev/loop-control")) switch
    {
        (true, true) => new ReadinessCheck("disk limits", ReadinessStatus.Ok, "mkfs.ext4 and loop devices are there: a workflow may have a disk of its own (resources: disk)"),
        (false, _) => new ReadinessCheck("disk limits", ReadinessStatus.Warning, "mkfs.ext4 is missing: a workflow with a limit of its disk (resources: disk) cannot run", "apt-get install e2fsprogs"),
        _ => new ReadinessCheck("disk limits", ReadinessStatus.Warning, "/dev/loop-control is missing: a workflow with a limit of its disk (resources: disk) cannot run", "modprobe loop, or let the container that BuildRunner is in have the device"),
    };

    private static bool IsOnThePath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(["/usr/sbin", "/sbin"]).Any(d => d.Length > 0 && File.Exists(Path.Combine(d, program)));

    private static ReadinessCheck PacketFilter() =>
        IsOnThePath("nft")
            ? new ReadinessCheck("network", ReadinessStatus.Ok, HostIPv6.IsThere() ? "nft is there; steps have IPv4 and IPv6" : "nft is there; steps have IPv4 only, because this host has no IPv6 address and default route")
            : new ReadinessCheck("network", ReadinessStatus.Failed, "nft, which connects steps to the outside, is missing", "apt-get install nftables, or Engine:Network=none");

    private sealed class Nowhere : IOutputSink
    {
        public static Nowhere Sink { get; } = new();

        public ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }
}
