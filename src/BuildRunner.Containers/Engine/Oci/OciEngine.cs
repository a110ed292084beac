using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Networks;
using BuildRunner.Containers.Storage;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The embedded engine: an OCI runtime, and around it all that a container engine needs, without a daemon.</summary>
/// <remarks>
/// Each group has a holder process, and each container a shim; both notice when this process ends and clean up, so a crash leaves nothing
/// running. What even their death leaves is removed by <see cref="ReapAsync"/>.
/// </remarks>
public sealed class OciEngine : IContainerEngine
{
    private readonly OciEngineOptions _options;
    private readonly ImageStore? _images;
    private readonly Lazy<string> _sandboxPath;
    private readonly ReadyGroup _ready;
    private readonly ReadyWorkflow _workflow;

    private OciEngine(OciEngineOptions options, ImageStore? images)
    {
        _options = options;
        _images = images;
        _sandboxPath = new Lazy<string>(() => SandboxPath.Find(options.SandboxPath));
        _ready = new ReadyGroup(() => _sandboxPath.Value);
        _workflow = new ReadyWorkflow(MakeAheadAsync, options);
        Kept = new KeptContainers(options.KeptRoot);
    }

    /// <inheritdoc/>
    public string Name => "oci";

    /// <inheritdoc/>
    public KeptContainers Kept { get; }

    /// <inheritdoc/>
    /// <remarks>An ordinary user has no cgroups.</remarks>
    public bool KeepsLimits => _options.User is null;

    /// <summary>Creates an engine.</summary>
    /// <param name="options">Its settings.</param>
    /// <param name="images">Where images come from, disposed with the engine; null: only <c>rootfs:</c> images can be used.</param>
    /// <exception cref="ArgumentException">A setting is wrong.</exception>
    public static OciEngine Create(OciEngineOptions options, ImageStore? images = null)
    {
        var problems = options.Problems();
        return problems.Count == 0 ? new OciEngine(options, images) : throw new ArgumentException(string.Join(' ', problems), nameof(options));
    }

    /// <summary>The containers that an engine of these settings keeps, without an engine.</summary>
    public static KeptContainers KeptOf(OciEngineOptions options) => new(options.KeptRoot);

    /// <inheritdoc/>
    public Task<EngineReadiness> ProbeAsync(CancellationToken cancellationToken) => new OciProbe(this, _options, _sandboxPath).RunAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<ResolvedImage> PullAsync(ImageReference image, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellationToken) =>
        _images is { } images ? images.PullAsync(image, options, progress, cancellationToken)
        : image.Transport == ImageTransport.RootFileSystem ? Task.FromResult(RootFileSystemImage.Resolve(image))
        : throw new ContainerException(
            ContainerFailure.InvalidImage, $"This engine has no image store: the image {image} cannot be had, only rootfs: images.");

    /// <inheritdoc/>
    public async Task<IContainerGroup> CreateGroupAsync(GroupSpec spec, CancellationToken cancellationToken)
    {
        Names.CheckGroup(spec.Id);
        Check(spec.Workspace);
        var plan = PlanOf(spec);
        var isAlone = _workflow.Begins();
        try
        {
            return await GroupOfAsync(plan, isAlone, cancellationToken);
        }
        catch (Exception)
        {
            _workflow.GotNone();
            throw;
        }
    }

    private async Task<OciGroup> GroupOfAsync(GroupPlan plan, bool isAlone, CancellationToken cancellationToken)
    {
        var made = plan.CanBeMadeAhead ? await _workflow.TakeAsync() : null;
        if (made is not null)
        {
            var isTaken = false;
            try
            {
                isTaken = await made.TryTakeOverAsync(plan, cancellationToken);
            }
            finally
            {
                if (!isTaken)
                {
                    // Also when its caller gives up: nobody else knows of it any more.
                    _ = Task.Run(async () => await made.DisposeAsync(), CancellationToken.None);
                }
            }

            if (isTaken)
            {
                return _workflow.Give(made, counts: true);
            }
        }

        return _workflow.Give(await MakeGroupAsync(plan, folder: null, cancellationToken), counts: plan.CanBeMadeAhead && (made is not null || isAlone));
    }

    /// <summary>What follows from a specification by the settings, and by what the host is now.</summary>
    /// <exception cref="ContainerException">It asks for what is not to be had.</exception>
    internal GroupPlan PlanOf(GroupSpec spec)
    {
        var options = _options.For(spec);
        var nameServers = NameServersOf(options);
        return new GroupPlan(spec, options, LabelsOfThisHost(), nameServers, new GroupSetup
        {
            StateRoot = _options.StateRoot,
            ScratchRoot = _options.ScratchRoot,
            GroupId = spec.Id,
            Owner = spec.Owner,
            Place = PlaceOf(options, nameServers),
            WorkspaceSource = spec.Workspace?.SourceDirectory,
            WorkspaceCopyOnWrite = spec.Workspace?.CopyOnWrite ?? false,
            WorkspaceChanges = spec.Workspace?.ChangesOf is { WorkspaceDirectory: { } changes } before ? new KeptDirectory(changes, before.FirstHostId) : null,
            WorkspaceTreeBelowBase = TreeBelowBase(spec.Workspace),
            DiskBytes = DiskOf(spec.Limits, _options.User),
            WorkspaceBeginsEmpty = spec.Workspace?.BeginsEmpty ?? false,
            RuntimeMovesProcesses = _options.RuntimePath != LaunchPlan.RuntimeName,
            Limits = new CgroupLimits(spec.Limits.MemoryBytes ?? 0, spec.Limits.Cpus ?? 0, spec.Limits.Pids ?? 0),
        });
    }

    /// <param name="plan">The group.</param>
    /// <param name="folder">Where it is made ahead; null: it is somebody's.</param>
    /// <param name="cancellationToken">Gives up.</param>
    private async Task<OciGroup> MakeGroupAsync(GroupPlan plan, string? folder, CancellationToken cancellationToken)
    {
        var ready = plan.Spec.Hardened ? null : await _ready.TakeAsync(plan.Setup.Place, cancellationToken);
        var shim = ready?.Shim ?? new SpareShim(_sandboxPath.Value);
        try
        {
            var holder = await GroupHolderClient.StartAsync(ready?.Holder, _sandboxPath.Value, plan.Setup, cancellationToken);
            return new OciGroup(plan, _sandboxPath.Value, holder, new ImagesInUse(_images), Kept, shim)
            {
                Started = RefillReady,
                Began = plan.CanBeMadeAhead ? _workflow.Saw : null,
                Folder = folder,
            };
        }
        catch (Exception)
        {
            // What was made before it failed has nobody who removes it.
            await shim.DisposeAsync();
            await RemoveRemainsAsync(plan.Spec.Owner);
            throw;
        }
    }

    private async Task<OciGroup> MakeAheadAsync(ReadyWorkflow.Beginning wanted, string folder)
    {
        var tree = Directory.CreateDirectory(Path.Combine(folder, "tree")).FullName;
        var spec = wanted.Group.Spec;
        var plan = PlanOf(spec with { Id = Path.GetFileName(folder), Labels = new Dictionary<string, string>(), Workspace = spec.Workspace! with { SourceDirectory = tree } });
        var group = await MakeGroupAsync(plan, folder, CancellationToken.None);
        try
        {
            // It has the place that was ready. Who comes before the container is made needs another.
            RefillReady();
            await group.MakeWaitingAsync(WaitingContainer.LikenessOf(wanted.Container, folder));
            return group;
        }
        catch (Exception)
        {
            await group.DisposeAsync();
            throw;
        }
    }

    /// <summary>What settings name is given or nothing is: a step that ran without it would be kept by less than its machine's owner believes.</summary>
    private SecurityLabels LabelsOfThisHost() => HostModules.OfThisHost.Choose(_options.Labels, out var found)
        ?? throw new ContainerException(ContainerFailure.EngineUnavailable, $"No container is made: {found.Detail}. What to do: {found.Remedy}.");

    private async Task RemoveRemainsAsync(string owner)
    {
        try
        {
            await ReapAsync(owner, CancellationToken.None);
        }
        catch (ContainerException)
        {
            // Why the group could not be made is what its caller has to hear; the owner's next start removes the rest.
        }
    }

    /// <inheritdoc/>
    /// <remarks>An ordinary user's group is made in one: its way out is a process that writes into the group's folder.</remarks>
    public void KeepReady(string? folder = null, Action<bool>? first = null)
    {
        if (_options.User is null)
        {
            _ready.Keep(() => PlaceOf(_options, NameServersOf(_options)));
            if (folder is not null)
            {
                _workflow.Keep(folder, first);
            }
        }
    }

    /// <inheritdoc/>
    public async Task<int> ReapAsync(string owner, CancellationToken cancellationToken)
    {
        var output = await HelperProgram.RunAsync(_sandboxPath.Value, ["reap", _options.StateRoot, _options.ScratchRoot, owner], cancellationToken);
        Kept.RemoveTorn(group => File.Exists(HostPaths.GroupLock(_options.StateRoot, group)));
        return int.TryParse(output, out var removed) ? removed : 0;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _workflow.DisposeAsync();
        await _ready.DisposeAsync();
        _images?.Dispose();
    }

    // Not while somebody waits for a container: the machine's processors are busy with that.
    private void RefillReady() => _ready.Refill(() => PlaceOf(_options, NameServersOf(_options)));

    private static PlaceSetup PlaceOf(OciEngineOptions options, IReadOnlyList<string> nameServers) => new()
    {
        Slots = options.Network.Slots,
        FirstHostId = options.FirstHostId,
        PoolAddress = options.Network.PoolAddress,
        PoolAddress6 = options.User is null ? options.Network.PoolAddress6 : 0,
        Uplink = options.Network.Uplink,
        FirewallRules = FirewallRules.Create(options.Network, options.User is null ? [] : HostAddresses.All()),
        FirewallNames = FirewallRules.CreateNames(nameServers),
    };

    private static long DiskOf(ResourceLimits limits, RootlessUser? user) => limits.DiskBytes switch
    {
        null => 0,
        _ when user is not null => throw new ContainerException(
            ContainerFailure.InvalidSpec, "A limit of a workflow's disk needs a file system of its own, which only root may mount. Leave it out, or use sudo."),
        < ResourceLimits.SmallestDisk => throw new ContainerException(
            ContainerFailure.InvalidSpec, $"A disk limit of {limits.DiskBytes} bytes is too small for a file system; give at least {ResourceLimits.SmallestDisk >> 20} MiB."),
        { } bytes => bytes,
    };

    private void Check(WorkspaceSpec? workspace)
    {
        if (_options.User is null)
        {
            StateRootCheck.Demand(_options.StateRoot);
        }
        else if (workspace is not null)
        {
            MountsBelow.Refuse("The working tree", workspace.SourceDirectory);
        }
    }

    /// <summary>An ordinary user's way out answers for the host's name servers, which may listen on the loopback device only.</summary>
    private static IReadOnlyList<string> NameServersOf(OciEngineOptions options) =>
        options.Network.NameServers is { Count: > 0 } named ? named
        : options.User is null ? NameServers.OfHost(withVersion6: options.Network.PoolAddress6 != 0)
        : options.Network.Uplink ? [NameServers.OfSlirp] : [];

    private static string TreeBelowBase(WorkspaceSpec? workspace)
    {
        if (workspace is null || workspace.TreePath == workspace.BasePath)
        {
            return "";
        }

        var below = Path.GetRelativePath(workspace.BasePath, workspace.TreePath);
        return !below.StartsWith("..", StringComparison.Ordinal) && !Path.IsPathRooted(below)
            ? below
            : throw new ContainerException(ContainerFailure.InvalidSpec, $"The workspace's path {workspace.TreePath} must be at or below its base {workspace.BasePath}.");
    }
}
