using System.Globalization;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Networks;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The containers of one workflow on the embedded engine.</summary>
internal sealed class OciGroup : IContainerGroup
{
    private readonly OciEngineOptions _options;
    private readonly string _sandboxPath;
    private readonly GroupHolderClient _holder;
    private readonly HostNames _names;
    private readonly ContainerPlanner _planner;
    private readonly ImagesInUse _images;
    private readonly KeptContainers _kept;
    private readonly Lock _lock = new();
    private readonly HashSet<OciContainer> _containers = [];
    private readonly List<Task> _removals = [];
    private readonly SpareShim _spare;
    private GroupPlan _plan;
    private WaitingContainer? _waiting;
    private Task _telling = Task.CompletedTask;
    private int _prepared;
    private Action<bool>? _first;
    private int _count;
    private bool _hasServices;
    private bool _disposed;
    private bool _keepsWorkspace;

    public OciGroup(GroupPlan plan, string sandboxPath, GroupHolderClient holder, ImagesInUse images, KeptContainers kept, SpareShim spare)
    {
        _plan = plan;
        _options = plan.Options;
        _sandboxPath = sandboxPath;
        _holder = holder;
        _images = images;
        _kept = kept;
        _names = new HostNames(AddressPlan.OfSlot(_options.Network.PoolAddress, holder.Ready.Slot));
        _planner = new ContainerPlanner(plan, sandboxPath, holder, _names);
        _spare = spare;
        _spare.Refill();
    }

    /// <summary>Told when a container was started, and when the group is gone: nobody waits for one at that moment.</summary>
    public Action? Started { get; init; }

    /// <summary>Told, once, what the first step's container is and how to find out whether another would be like it, unless it was made ahead.</summary>
    public Action<ReadyWorkflow.Beginning, Func<ContainerSpec, bool>>? Began { get; init; }

    /// <summary>Told, once, whether the first step got the container that was made ahead.</summary>
    public Action<bool>? First
    {
        set => _first = value;
    }

    /// <summary>Told when the group is gone, if it was a workflow's.</summary>
    public Action? Ended { get; set; }

    /// <summary>What it was made in that was made ahead; removed with it.</summary>
    public string? Folder { get; init; }

    private GroupSpec Spec => _plan.Spec;

    /// <inheritdoc/>
    /// <remarks>A view with copies on write, or a tree on the group's disk, is mounted only for the holder: this path goes through its eyes.</remarks>
    public Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken) => Task.FromResult(Spec.Workspace switch
    {
        null => null,
        { CopyOnWrite: true } => $"/proc/{_holder.ProcessId}/root{HostPaths.Group(_options.StateRoot, Spec.Id)}/tree",
        { BeginsEmpty: true } when Spec.Limits.DiskBytes is not null => $"/proc/{_holder.ProcessId}/root{Spec.Workspace.SourceDirectory}",
        var direct => direct.SourceDirectory,
    });

    /// <inheritdoc/>
    public async Task<IPreparedContainer> PrepareAsync(ContainerSpec spec, CancellationToken cancellationToken)
    {
        var isFirst = Interlocked.Exchange(ref _prepared, 1) == 0;
        if (Interlocked.Exchange(ref _waiting, null) is { } waiting && await AssignAsync(waiting, spec, cancellationToken) is { } assigned)
        {
            Interlocked.Exchange(ref _first, null)?.Invoke(true);
            return assigned;
        }

        var (container, made, _) = await MakeContainerAsync(spec, _planner.TaskOf, cancellationToken);
        if (!isFirst)
        {
            return container;
        }

        Interlocked.Exchange(ref _first, null)?.Invoke(false);
        if (Began is { } told)
        {
            // A container that was made before the group's services does not know their names, and would be made in vain.
            var canBeAhead = !_hasServices || spec.Network == NetworkMode.None;
            var beginning = new ReadyWorkflow.Beginning(_plan, WaitingContainer.WithoutTask(spec));
            _telling = Task.Run(() => told(beginning, other => canBeAhead && WaitingContainer.AreAlike(_planner, beginning.Container, other, made)), CancellationToken.None);
        }

        return container;
    }

    /// <summary>Makes a container that waits for <see cref="PrepareAsync"/> to say what it is for; the group's first and only one of that kind.</summary>
    /// <param name="spec">A specification without anything that is told later (<see cref="WaitingContainer.LikenessOf"/>).</param>
    /// <exception cref="ContainerException">It cannot be made.</exception>
    public async Task MakeWaitingAsync(ContainerSpec spec)
    {
        var sources = WaitingContainer.SourcesOf(spec);
        var (container, made, shim) = await MakeContainerAsync(spec, task: null, CancellationToken.None);
        _waiting = new WaitingContainer(_planner, container, made, shim, sources);
    }

    /// <summary>Gives a group that was made ahead to a workflow: the workflow's empty workspace becomes the one that it has.</summary>
    /// <returns>False: it is not what is wanted, or not any more; the caller disposes it.</returns>
    public async Task<bool> TryTakeOverAsync(GroupPlan wanted, CancellationToken cancellationToken)
    {
        if (_holder.HasEnded || !_plan.IsLike(wanted) || _waiting is { IsGood: false })
        {
            return false;
        }

        try
        {
            await _holder.RenewAsync(wanted.Setup.Place, cancellationToken);
            if (_holder.Ready.UplinkProblem.Length > 0)
            {
                return false;
            }

            await File.WriteAllBytesAsync(HostPaths.GroupTaken(_options.StateRoot, Spec.Id), [], cancellationToken);
            EmptyPlace.ReplaceDirectory(Spec.Workspace!.SourceDirectory, wanted.Spec.Workspace!.SourceDirectory);
        }
        catch (Exception e) when (e is ContainerException or IOException or UnauthorizedAccessException)
        {
            return false;
        }

        _plan = wanted with { Spec = wanted.Spec with { Id = Spec.Id }, Setup = wanted.Setup with { GroupId = Spec.Id } };
        _planner.Use(_plan);
        return true;
    }

    /// <inheritdoc/>
    public async Task<ContainerExit> RunAsync(IPreparedContainer container, StartSpec start, IOutputSink output, CancellationToken cancellationToken)
    {
        if (container is not OciContainer prepared || !IsOurs(prepared))
        {
            throw new ArgumentException("The container was not prepared by this group, or has been run.", nameof(container));
        }

        try
        {
            return await prepared.RunAsync(start, output, cancellationToken);
        }
        finally
        {
            if (!prepared.Spec.MayBeKept)
            {
                // Dead already: what is left is the removal of its files, which nobody needs to wait for.
                RemoveLater(prepared);
            }
        }
    }

    /// <inheritdoc/>
    public async Task<IRunningService> StartServiceAsync(ContainerSpec spec, IOutputSink output, CancellationToken cancellationToken)
    {
        _hasServices = true;
        var (container, _, _) = await MakeContainerAsync(spec, _planner.TaskOf, cancellationToken);
        try
        {
            if (container.Address != 0)
            {
                _names.AddService(spec.Name, container.Address);
                await AnnounceAsync(spec.Name, container);
            }

            return await OciService.StartAsync(this, container, output);
        }
        catch
        {
            await container.DisposeAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        OciContainer[] left;
        Task[] removals;
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            left = [.. _containers];
            removals = [.. _removals];
        }

        try
        {
            await RemoveAsync(left, removals);
        }
        finally
        {
            Started?.Invoke();
            Ended?.Invoke();
        }
    }

    private async Task RemoveAsync(OciContainer[] left, Task[] removals)
    {
        // It describes containers, with what the holder has: not when that is gone.
        await _telling;
        await Task.WhenAll(left.Select(c => c.DisposeAsync().AsTask()).Concat(removals).Append(_spare.DisposeAsync().AsTask()));
        if (_keepsWorkspace)
        {
            await _holder.KeepWorkspaceAsync(_kept.WorkspaceOf(Spec.Id), CancellationToken.None);
        }

        await _holder.DisposeAsync();
        await _images.DisposeAsync();
        if (File.Exists(HostPaths.GroupLock(_options.StateRoot, Spec.Id)))
        {
            // The holder ended before its time, and removed nothing.
            await HelperProgram.RunAsync(_sandboxPath, ["reap", _options.StateRoot, _options.ScratchRoot, Spec.Owner], CancellationToken.None);
        }

        if (Folder is not null)
        {
            ReadyWorkflow.Remove(Folder);
        }
    }

    /// <summary>A container was started.</summary>
    public void HasStarted() => Started?.Invoke();

    /// <summary>Lets a container that has ended be removed; the group's disposal waits for it.</summary>
    public void RemoveLater(OciContainer container)
    {
        lock (_lock)
        {
            _containers.Remove(container);
            _removals.RemoveAll(r => r.IsCompletedSuccessfully);
            _removals.Add(container.DisposeAsync().AsTask());
        }
    }

    /// <summary>A container is gone: its address and names may be used again.</summary>
    public async Task ForgetAsync(OciContainer container)
    {
        lock (_lock)
        {
            _containers.Remove(container);
        }

        _names.RemoveService(container.Spec.Name, container.Address);
        await _planner.ReleaseNetworkAsync(container.Id, container.Address);
    }

    /// <summary>Keeps what a container that has ended changed, and at the group's end the changes of the workspace.</summary>
    public async Task<KeptContainer> KeepAsync(OciContainer container, KeepRequest request, CancellationToken cancellationToken)
    {
        var id = _kept.Reserve(Spec.Id);
        var layer = _kept.LayerOf(Spec.Id, id);
        await container.MoveLayerAsync(layer);
        cancellationToken.ThrowIfCancellationRequested();
        if (!Directory.Exists(layer))
        {
            throw new ContainerException(ContainerFailure.Internal, $"What the container {container.Spec.Name} changed could not be kept as {layer}.");
        }

        var ofTree = Spec.Workspace is { CopyOnWrite: true };
        _keepsWorkspace |= ofTree;
        var kept = new KeptContainer
        {
            Id = id,
            Engine = "oci",
            Group = Spec.Id,
            Owner = Spec.Owner,
            Run = request.Run,
            Workflow = request.Workflow,
            Step = request.Step,
            Attempt = request.Attempt,
            Outcome = request.Outcome,
            At = request.At,
            Image = container.Spec.Image.Reference.ToString(),
            ImageDigest = container.Spec.Image.ManifestDigest?.ToString(),
            LayerDirectory = layer,
            FirstHostId = _holder.Ready.FirstHostId,
            Tree = Spec.Workspace?.SourceDirectory,
            WorkspaceDirectory = ofTree ? _kept.WorkspaceOf(Spec.Id) : null,
        };
        _kept.Save(kept);
        return kept;
    }

    private bool IsOurs(OciContainer container)
    {
        lock (_lock)
        {
            return _containers.Contains(container);
        }
    }

    /// <summary>Null: what waits is not what is wanted, or not any more, and is removed.</summary>
    private async Task<OciContainer?> AssignAsync(WaitingContainer waiting, ContainerSpec spec, CancellationToken cancellationToken)
    {
        try
        {
            await _images.KeepAsync(spec.Image, cancellationToken);
            if (waiting.IsAlsoFor(spec))
            {
                await waiting.AssignAsync(spec, cancellationToken);
                return Exchange(waiting.Container, new OciContainer(this, spec, waiting.Made.Id, waiting.Made.Address, waiting.Shim, _planner.LimitsOf(spec)));
            }
        }
        catch (Exception e) when (e is ContainerException { Reason: not ContainerFailure.InvalidSpec } or IOException or UnauthorizedAccessException)
        {
            // Another one is made, or tells what is in the way.
        }
        catch
        {
            // Nobody gets it, and it may have the step's record already: it must not be there until the group ends.
            RemoveLater(waiting.Container);
            throw;
        }

        RemoveLater(waiting.Container);
        return null;
    }

    private OciContainer Exchange(OciContainer waiting, OciContainer container)
    {
        lock (_lock)
        {
            _containers.Remove(waiting);
            _containers.Add(container);
            return _disposed ? throw new ObjectDisposedException(nameof(OciGroup)) : container;
        }
    }

    /// <param name="spec">The container.</param>
    /// <param name="task">Says what it is for; null: nobody knows yet.</param>
    /// <param name="cancellationToken">Gives up.</param>
    private async Task<(OciContainer Container, ContainerPlanner.MadeParts Made, ShimClient Shim)> MakeContainerAsync(ContainerSpec spec, Func<ContainerSpec, ContainerTask>? task, CancellationToken cancellationToken)
    {
        if (spec.Network == NetworkMode.Group && _options.User is not null && _holder.Ready.UplinkProblem is { Length: > 0 } problem)
        {
            throw RootlessAccount.OfThisUser().NoUplink(spec.Name, problem);
        }

        var id = "c" + Interlocked.Increment(ref _count).ToString(CultureInfo.InvariantCulture);
        var address = spec.Network == NetworkMode.Group ? _names.TakeAddress() : 0;
        try
        {
            await _images.KeepAsync(spec.Image, cancellationToken);
            var made = await _planner.MakeAsync(spec, id, address, cancellationToken);
            var shim = await ShimClient.PrepareAsync(await _spare.TakeAsync(), _planner.Describe(spec, made, task?.Invoke(spec)), spec.Image.DisplayName, cancellationToken);
            var container = new OciContainer(this, spec, id, address, shim, _planner.LimitsOf(spec));
            bool late;
            lock (_lock)
            {
                late = _disposed;
                _containers.Add(container);
            }

            _spare.Refill();
            return late ? throw new ObjectDisposedException(nameof(OciGroup)) : (container, made, shim);
        }
        catch
        {
            await _planner.ReleaseNetworkAsync(id, address);
            throw;
        }
    }

    /// <summary>Makes a service known to the containers that live already.</summary>
    private async Task AnnounceAsync(string name, OciContainer service)
    {
        OciContainer[] others;
        lock (_lock)
        {
            others = [.. _containers.Where(c => c != service && c.Address != 0)];
        }

        var line = HostNames.Line(service.Address, name);
        await Task.WhenAll(others.Select(c => c.AddHostAsync(line)));
    }
}
