using System.Globalization;
using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Networks;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The containers of one workflow on the embedded engine.</summary>
internal sealed class OciGroup : IContainerGroup
{
    private readonly GroupSpec _spec;
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
    private int _count;
    private bool _disposed;
    private bool _keepsWorkspace;

    public OciGroup(GroupSpec spec, OciEngineOptions options, SecurityLabels labels, string sandboxPath, GroupHolderClient holder, IReadOnlyList<string> nameServers, ImagesInUse images, KeptContainers kept, SpareShim spare)
    {
        _spec = spec;
        _options = options;
        _sandboxPath = sandboxPath;
        _holder = holder;
        _images = images;
        _kept = kept;
        _names = new HostNames(AddressPlan.OfSlot(options.Network.PoolAddress, holder.Ready.Slot));
        _planner = new ContainerPlanner(spec, options, labels, sandboxPath, holder, _names, nameServers);
        _spare = spare;
        _spare.Refill();
    }

    /// <summary>Told when a container was started, and when the group is gone: nobody waits for one at that moment.</summary>
    public Action? Started { get; init; }

    /// <inheritdoc/>
    /// <remarks>A view with copies on write, or a tree on the group's disk, is mounted only for the holder: this path goes through its eyes.</remarks>
    public Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken) => Task.FromResult(_spec.Workspace switch
    {
        null => null,
        { CopyOnWrite: true } => $"/proc/{_holder.ProcessId}/root{HostPaths.Group(_options.StateRoot, _spec.Id)}/tree",
        { BeginsEmpty: true } when _spec.Limits.DiskBytes is not null => $"/proc/{_holder.ProcessId}/root{_spec.Workspace.SourceDirectory}",
        var direct => direct.SourceDirectory,
    });

    /// <inheritdoc/>
    public async Task<IPreparedContainer> PrepareAsync(ContainerSpec spec, CancellationToken cancellationToken) => await PrepareContainerAsync(spec, cancellationToken);

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
        var container = await PrepareContainerAsync(spec, cancellationToken);
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

        await Task.WhenAll(left.Select(c => c.DisposeAsync().AsTask()).Concat(removals).Append(_spare.DisposeAsync().AsTask()));
        if (_keepsWorkspace)
        {
            await _holder.KeepWorkspaceAsync(_kept.WorkspaceOf(_spec.Id), CancellationToken.None);
        }

        await _holder.DisposeAsync();
        await _images.DisposeAsync();
        if (File.Exists(HostPaths.GroupLock(_options.StateRoot, _spec.Id)))
        {
            // The holder ended before its time, and removed nothing.
            await HelperProgram.RunAsync(_sandboxPath, ["reap", _options.StateRoot, _options.ScratchRoot, _spec.Owner], CancellationToken.None);
        }

        Started?.Invoke();
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

        _names.RemoveService(container.Spec.Name);
        await _planner.ReleaseNetworkAsync(container.Id, container.Address);
    }

    /// <summary>Keeps what a container that has ended changed, and at the group's end the changes of the workspace.</summary>
    public async Task<KeptContainer> KeepAsync(OciContainer container, KeepRequest request, CancellationToken cancellationToken)
    {
        var id = _kept.Reserve(_spec.Id);
        var layer = _kept.LayerOf(_spec.Id, id);
        await container.MoveLayerAsync(layer);
        cancellationToken.ThrowIfCancellationRequested();
        if (!Directory.Exists(layer))
        {
            throw new ContainerException(ContainerFailure.Internal, $"What the container {container.Spec.Name} changed could not be kept as {layer}.");
        }

        var ofTree = _spec.Workspace is { CopyOnWrite: true };
        _keepsWorkspace |= ofTree;
        var kept = new KeptContainer
        {
            Id = id,
            Engine = "oci",
            Group = _spec.Id,
            Owner = _spec.Owner,
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
            Tree = _spec.Workspace?.SourceDirectory,
            WorkspaceDirectory = ofTree ? _kept.WorkspaceOf(_spec.Id) : null,
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

    private async Task<OciContainer> PrepareContainerAsync(ContainerSpec spec, CancellationToken cancellationToken)
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
            var request = await _planner.PlanAsync(spec, id, address, cancellationToken);
            var shim = await ShimClient.PrepareAsync(await _spare.TakeAsync(), request, spec.Image.DisplayName, cancellationToken);
            var container = new OciContainer(this, spec, id, address, shim, _planner.LimitsOf(spec));
            bool late;
            lock (_lock)
            {
                late = _disposed;
                _containers.Add(container);
            }

            _spare.Refill();
            return late ? throw new ObjectDisposedException(nameof(OciGroup)) : container;
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
