using System.Globalization;
using System.Runtime.InteropServices;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Networks;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Turns a container's specification into what its shim must do.</summary>
internal sealed class ContainerPlanner(GroupPlan plan, string sandboxPath, GroupHolderClient holder, HostNames names)
{
    private static readonly long OpenFilesLimit = HostLimits.OpenFiles();
    private readonly OciEngineOptions options = plan.Options;
    private GroupSpec group = plan.Spec;

    /// <summary>The workspace among what the shim binds; the others are numbered.</summary>
    private const string TreeName = "tree";

    /// <summary>No OCI runtime: the shim makes the container itself.</summary>
    private bool IsDirect => options.RuntimePath == LaunchPlan.RuntimeName;

    private string CgroupPath(string id) => $"{HostPaths.GroupCgroup(group.Id)}/{id}";

    private string GroupDirectory => HostPaths.Group(options.StateRoot, group.Id);

    /// <summary>The group has got another specification: from now on its containers have that one's workspace.</summary>
    public void Use(GroupPlan taken) => group = taken.Spec;

    /// <summary>Has the holder mount the image's layers and make the network.</summary>
    public async Task<MadeParts> MakeAsync(ContainerSpec spec, string id, uint address, CancellationToken cancellationToken)
    {
        Check(spec);
        var layers = await AddLayersAsync(spec, cancellationToken);
        return new MadeParts(id, address, layers, await holder.AddNetworkAsync(new NetworkRequest(id, address), cancellationToken));
    }

    /// <summary>What a container is for, as its shim needs it.</summary>
    public ContainerTask TaskOf(ContainerSpec spec)
    {
        Check(spec);
        return new ContainerTask
        {
            Files = [.. spec.Files.Select(f => new FileContent(f.Name, f.Content.ToArray(), f.Executable, f.Secret))],
            WorkingDirectory = spec.WorkingDirectory ?? group.Workspace?.TreePath ?? spec.Image.Config.WorkingDirectory ?? "/",
            DeadlineMilliseconds = (long)(spec.Deadline?.TotalMilliseconds ?? 0),
            RecordDirectory = spec.Record?.Directory ?? "",
            RecordOutput = spec.Record?.MaxOutput ?? 0,
            RecordKey = spec.Record?.Key?.ToArray() ?? [],
        };
    }

    /// <summary>True: the image is a part of this machine of which something is hidden; what there is to hide is found when its layers are mounted.</summary>
    public bool HidesOfHost(ContainerSpec spec) =>
        spec.Image.Reference.Transport == ImageTransport.RootFileSystem && spec.Image.LayerDirectories.Any(d => HiddenPaths.Of(options, RealPath.Of(d)).Count > 0);

    /// <summary>How a container is made, in bytes: two specifications for which they are the same get containers that nobody can tell apart before they are told what they are for.</summary>
    /// <remarks>The paths of what begins empty do not count.</remarks>
    public byte[] LikenessOf(ContainerSpec spec, MadeParts made)
    {
        var request = Describe(spec, made, task: null);
        bool IsLate(BindMount bind) => bind.Name == TreeName ? group.Workspace is { BeginsEmpty: true } : spec.HostMounts[int.Parse(bind.Name, CultureInfo.InvariantCulture)].BeginsEmpty;
        return (request with { Binds = [.. request.Binds.Select(b => IsLate(b) ? b with { Source = "" } : b)] }).Encode();
    }

    /// <summary>Describes a container to its shim.</summary>
    /// <param name="spec">The container.</param>
    /// <param name="made">What the holder has made for it.</param>
    /// <param name="task">What it is for; null: that is told later.</param>
    public PrepareRequest Describe(ContainerSpec spec, MadeParts made, ContainerTask? task)
    {
        spec = options.IsHardened ? Harden(spec) : spec;
        var devices = HostDevices.Of(spec, options.User is not null);
        var (id, address, layers, network) = made;
        var directory = $"{GroupDirectory}/containers/{id}";
        var hostName = Names.HostName(spec.Name);
        var binds = Binds(spec, directory, devices);
        var specification = Specification(spec, id, directory, hostName, network, binds, devices);
        return new PrepareRequest
        {
            HolderPid = holder.ProcessId,
            LockFile = HostPaths.GroupLock(options.StateRoot, group.Id),
            LayersDirectory = GroupDirectory + "/layers",
            Layers = layers,
            ContainerDirectory = directory,
            ScratchDirectory = $"{HostPaths.GroupScratch(options.ScratchRoot, group.Id)}/{id}",
            FirstHostId = holder.Ready.FirstHostId,
            Runtime = options.RuntimePath,
            RuntimeState = GroupDirectory + "/runtime",
            ContainerId = $"{group.Id}-{id}",
            CgroupPath = CgroupPath(id),
            Configuration = IsDirect ? specification.ToPlan().Encode() : specification.ToJson(),
            Filter = spec.Privileged || FilterByRuntime(spec) ? [] : SeccompFilter.Of(RuntimeInformation.ProcessArchitecture, options.Allow32Bit),
            InitPath = sandboxPath,
            Hosts = names.HostsFile(hostName, address, spec.ExtraHosts),
            ResolvConf = NameServers.ResolvConf(address == 0 ? [] : spec.Dns.Count > 0 ? spec.Dns : plan.NameServers, spec.DnsSearch),
            HostName = hostName,
            ScratchBytes = options.IsHardened ? options.Hardened.ScratchBytes : 0,
            MountLabel = plan.Labels.SelinuxMountLabel ?? "",
            User = spec.User ?? spec.Image.Config.User ?? "",
            Binds = [.. binds.Select(b => b.Bind).OfType<BindMount>()],
            Devices = [.. devices.Select(d => d.Node)],
            AllowSetuid = spec.AllowNewPrivileges || spec.Privileged,

            // A runtime has the cgroup of devices refuse what is not meant for containers; without it no node of an image works.
            AllowDevices = spec.Privileged && !IsDirect,
            StopSignal = Signals.Parse(spec.Image.Config.StopSignal),
            GraceMilliseconds = (int)Math.Min(spec.StopGrace.TotalMilliseconds, int.MaxValue),
            MayBeKept = spec.MayBeKept,
            DiskBytes = group.Limits.DiskBytes ?? 0,
            Task = task,
        };
    }

    public ResourceLimits LimitsOf(ContainerSpec spec) => new(
        spec.Limits.MemoryBytes ?? options.DefaultLimits.MemoryBytes, spec.Limits.Cpus ?? options.DefaultLimits.Cpus, spec.Limits.Pids ?? options.DefaultLimits.Pids);

    public async Task ReleaseNetworkAsync(string id, uint address)
    {
        try
        {
            await holder.RemoveNetworkAsync(id, CancellationToken.None);
        }
        catch (ContainerException)
        {
            // The holder is gone, and the group's network with it.
        }

        if (address != 0)
        {
            names.ReturnAddress(address);
        }
    }

    private async Task<List<string>> AddLayersAsync(ContainerSpec spec, CancellationToken cancellationToken)
    {
        var layers = new List<string>();
        var isOfHost = spec.Image.Reference.Transport == ImageTransport.RootFileSystem;
        if (options.User is not null && isOfHost)
        {
            spec.Image.LayerDirectories.ToList().ForEach(d => MountsBelow.Refuse("The directory of the image rootfs:", d));
        }

        foreach (var layer in spec.Image.LayerDirectories)
        {
            var directory = isOfHost ? RealPath.Of(layer) : layer;
            IReadOnlyList<HiddenPath> hidden = isOfHost ? HiddenPaths.Of(options, directory) : [];
            layers.AddRange(await holder.AddLayerAsync(new LayerRequest(directory, hidden), cancellationToken));
        }

        if (spec.From is { } kept)
        {
            // What is kept of a container of rootfs:/ lies in its own image.
            var over = LayerOf(kept) with { Below = isOfHost ? layers : [] };
            layers = [.. isOfHost ? [] : layers, .. await holder.AddLayerAsync(over, cancellationToken)];
        }

        return layers.Count > 0
            ? layers
            : throw new ContainerException(ContainerFailure.InvalidSpec, $"The image {spec.Image.DisplayName} has no layers on this host; it was not pulled by this engine.");
    }

    private LayerRequest LayerOf(KeptContainer kept) => kept is { LayerDirectory: { } directory } && (kept.FirstHostId > 0 || options.User is not null)
        ? new LayerRequest(directory, [], kept.FirstHostId) { IsKept = true }
        : throw new ContainerException(ContainerFailure.InvalidSpec, $"The container {kept.Id} was kept by the engine {kept.Engine}, and this one cannot start from it.");

    private RuntimeSpec Specification(ContainerSpec spec, string id, string directory, string hostName, string network, List<Attachment> binds, IReadOnlyList<DeviceOfContainer> devices)
    {
        var bundle = directory + "/private";
        return new RuntimeSpec
        {
            Root = directory + "/root",
            Bundle = bundle,
            HostName = hostName,
            UserNamespacePath = holder.Ready.UserNamespacePath,
            NetworkNamespacePath = network,
            FirstHostId = holder.Ready.FirstHostId,
            CgroupPath = options.User is null ? "/" + CgroupPath(id) : null,
            Limits = options.User is null ? LimitsOf(spec) : ResourceLimits.None,
            Binds =
            [
                (bundle + "/hosts", "/etc/hosts"), (bundle + "/resolv.conf", "/etc/resolv.conf"), (bundle + "/hostname", "/etc/hostname"),
                .. binds.Select(b => (b.Bind is null ? b.Source : $"{bundle}/mounts/{b.Bind.Name}", b.Target)),

                // Last, because the init is in it: a volume whose target leads here, by links of the workspace, is covered by it.
                (bundle + "/injected", InjectedFile.Root),

                // crun binds a directory without what is mounted in it, whatever it is told: there it needs a line of its own.
                .. IsDirect || Path.GetFileName(options.RuntimePath) == "runc" ? [] : new[] { ($"{bundle}/injected/{SecurityProfile.InitName}", SecurityProfile.InitPath) },
            ],
            Devices = devices,
            Privileged = spec.Privileged,
            AllowNewPrivileges = spec.AllowNewPrivileges,
            SharedMemoryBytes = options.SharedMemoryBytes,
            OpenFiles = Math.Min(options.OpenFiles, OpenFilesLimit),
            Allow32Bit = options.Allow32Bit,
            FilterByRuntime = FilterByRuntime(spec),
            Labels = plan.Labels,
            ReadOnlyRoot = options.IsHardened,
        };
    }

    private static ContainerSpec Harden(ContainerSpec spec) => spec.Privileged
        ? throw new ContainerException(ContainerFailure.InvalidSpec, $"The container {spec.Name} asks for 'privileged', which is not to be had in the profile hardened (Engine:Hardened).")
        : spec with { AllowNewPrivileges = false };

    /// <summary>Without <c>no_new_privs</c> only the runtime still has the right to put a filter in force.</summary>
    private static bool FilterByRuntime(ContainerSpec spec) => spec.AllowNewPrivileges;

    /// <summary>The workspace, then the host's volumes and devices, parents before what lies in them.</summary>
    private List<Attachment> Binds(ContainerSpec spec, string directory, IReadOnlyList<DeviceOfContainer> devices)
    {
        var binds = devices.Select(d => new Attachment($"{directory}/devices/{d.Node.Name}", d.Target, Bind: null)).ToList();
        if (group.Workspace is { } workspace)
        {
            if (workspace.TreePath != workspace.BasePath)
            {
                binds.Add(new Attachment(GroupDirectory + "/shared", workspace.BasePath, Bind: null));
            }

            binds.Add(workspace.CopyOnWrite
                ? new Attachment(GroupDirectory + "/tree", workspace.TreePath, Bind: null)
                : new Attachment("", workspace.TreePath, new BindMount(workspace.SourceDirectory, TreeName, ReadOnly: false, OwnerBecomesUser: true)));
        }

        for (var i = 0; i < spec.HostMounts.Count; i++)
        {
            var mount = spec.HostMounts[i];
            if (options.User is not null)
            {
                MountsBelow.Refuse("The volume", mount.Source);
            }

            binds.Add(new Attachment("", mount.Target, new BindMount(mount.Source, i.ToString(CultureInfo.InvariantCulture), mount.ReadOnly, OwnerBecomesUser: true)));
        }

        return [.. binds.OrderBy(b => b.Target.Count(c => c == '/'))];
    }

    private static void Check(ContainerSpec spec)
    {
        foreach (var file in spec.Files)
        {
            Names.CheckFile(file.Name);
        }

        foreach (var path in spec.HostMounts.SelectMany(m => new[] { m.Source, m.Target }).Append(spec.WorkingDirectory ?? "/").Where(p => !Path.IsPathRooted(p)))
        {
            throw new ContainerException(ContainerFailure.InvalidSpec, $"The path '{path}' of the container {spec.Name} must be absolute.");
        }
    }

    /// <summary>What the holder has made for a container.</summary>
    /// <param name="Id">The container's id, unique in its group.</param>
    /// <param name="Address">0 without a network.</param>
    /// <param name="Layers">Names of the mounted layers, lowest first.</param>
    /// <param name="Network">The path of its network namespace.</param>
    internal sealed record MadeParts(string Id, uint Address, IReadOnlyList<string> Layers, string Network);

    /// <summary>Something to mount: from the group's directory, or from what the shim binds.</summary>
    private sealed record Attachment(string Source, string Target, BindMount? Bind);
}
