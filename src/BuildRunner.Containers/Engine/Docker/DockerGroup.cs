using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Engine.Oci;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>The containers of one workflow on a Docker or Podman engine.</summary>
internal sealed class DockerGroup : IContainerGroup
{
    private readonly GroupDirectories directories;
    private readonly FileStream alive;
    private readonly string networkId;
    private readonly GroupStore store;
    private readonly NetworkHolders holders;
    private readonly Lock gate = new();
    private readonly HashSet<DockerContainer> containers = [];
    private readonly Removals removals;
    private readonly ServiceNames services = new();
    private readonly Dictionary<string, string> labels;
    private int count;
    private readonly GroupKeeping keeping;
    private bool disposed;

    public DockerGroup(DockerConnection connection, GroupSpec spec, GroupDirectories directories, FileStream alive, string networkId, GroupStore store, KeptContainers kept)
    {
        Connection = connection;
        Spec = spec;
        this.directories = directories;
        this.alive = alive;
        this.networkId = networkId;
        this.store = store;
        labels = DockerLabels.OfGroup(spec, directories);
        holders = new NetworkHolders(this);
        removals = new Removals(connection.Time);
        keeping = new GroupKeeping(connection, spec, store, kept);
    }

    public DockerConnection Connection { get; }

    public GroupSpec Spec { get; }

    /// <inheritdoc/>
    public Task<string?> OpenWorkspaceAsync(CancellationToken cancellationToken) => store.OpenWorkspaceAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task<IPreparedContainer> PrepareAsync(ContainerSpec spec, CancellationToken cancellationToken)
    {
        Check(spec);
        using var preparing = removals.WhilePreparing();
        return await StartContainerAsync(spec, await holders.TakeAsync(spec, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public async Task<ContainerExit> RunAsync(IPreparedContainer container, StartSpec start, IOutputSink output, CancellationToken cancellationToken)
    {
        if (container is not DockerContainer prepared || !IsOurs(prepared))
        {
            throw new ArgumentException("the container was not prepared by this group, or has been run", nameof(container));
        }

        cancellationToken.ThrowIfCancellationRequested();
        var entered = await EnterAsync(prepared, cancellationToken);
        try
        {
            return await entered.RunAsync(start, output, cancellationToken);
        }
        finally
        {
            if (!entered.Spec.MayBeKept)
            {
                // Dead already: nobody needs to wait for the engine to tidy up.
                RemoveLater(entered);
            }
        }
    }

    /// <summary>The container with its connection for itself. If another step has that one, the container is made again on another connection.</summary>
    private async Task<DockerContainer> EnterAsync(DockerContainer prepared, CancellationToken cancellationToken)
    {
        if (await prepared.EnterConnectionAsync())
        {
            return prepared;
        }

        var other = await StartContainerAsync(prepared.Spec, await holders.TakeAloneAsync(prepared.Spec, cancellationToken), cancellationToken);
        if (prepared.GiveWayTo(other))
        {
            RemoveLater(prepared);
            return other;
        }

        await other.GoneAsync();
        throw new ObjectDisposedException(nameof(DockerContainer));
    }

    /// <inheritdoc/>
    public async Task<IRunningService> StartServiceAsync(ContainerSpec spec, IOutputSink output, CancellationToken cancellationToken)
    {
        Check(spec);
        var container = await StartContainerAsync(spec, OwnNetwork(spec.Network), cancellationToken);
        try
        {
            if (container.Address is { } address)
            {
                await AnnounceAsync(spec.Name, address);
            }

            return await DockerService.StartAsync(this, container, output);
        }
        catch
        {
            await container.GoneAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        DockerContainer[] left;
        lock (gate)
        {
            if (disposed)
            {
                return;
            }

            disposed = true;
            left = [.. containers];
        }

        try
        {
            await holders.SettleAsync();
            await Task.WhenAll(RemoveNetworkAsync(left), EndAsync(left, static c => c.HasJoined));
        }
        finally
        {
            // What the engine keeps of the group, ReapAsync finds.
            await RemoveFilesAsync();
        }
    }

    /// <summary>Takes an engine longer than anything else, most of it waiting: so the containers without a connection of their own are removed meanwhile.</summary>
    private async Task RemoveNetworkAsync(DockerContainer[] left)
    {
        await EndAsync(left, static c => !c.HasJoined);
        await Connection.CallAsync("removing the workflow's network", c => c.Networks.DeleteNetworkAsync(networkId));
    }

    private Task EndAsync(DockerContainer[] left, Func<DockerContainer, bool> kind) =>
        Task.WhenAll(left.Where(kind).Select(c => c.GoneAsync()).Append(removals.FinishAsync(kind)));

    private async Task RemoveFilesAsync()
    {
        await keeping.FinishAsync();
        await store.DisposeAsync();
        directories.Remove();
        await alive.DisposeAsync();
        File.Delete(directories.LockFile);
    }

    /// <summary>Starts a container whose waiter waits.</summary>
    public async Task<DockerContainer> StartContainerAsync(ContainerSpec spec, NetworkLease network, CancellationToken cancellationToken)
    {
        var number = Interlocked.Increment(ref count);
        var name = ContainerShape.NameOf(Spec.Id, spec.Name, number);
        var container = await DockerContainer.StartAsync(this, spec, name, store.CreateFiles(number), network, cancellationToken);
        bool late;
        lock (gate)
        {
            late = disposed;
            containers.Add(container);
        }

        if (late)
        {
            await container.GoneAsync();
            throw new ObjectDisposedException(nameof(DockerGroup));
        }

        return container;
    }

    /// <summary>A connection of a container's own.</summary>
    /// <param name="mode">What it leads to.</param>
    /// <param name="created">Told the container's id when it was created; null: nobody wants to know.</param>
    public NetworkLease OwnNetwork(NetworkMode mode, Action<string>? created = null) => mode == NetworkMode.None
        ? NetworkLease.Own("none", null, created)
        : NetworkLease.Own(
            networkId,
            async (id, stop) =>
            {
                var found = await Connection.CallAsync("looking for a container's address", c => c.Containers.InspectContainerAsync(id, stop));
                return found.NetworkSettings?.Networks?.Values.Select(n => n.IPAddress).FirstOrDefault(a => a is { Length: > 0 });
            },
            created);

    /// <summary>The request that creates a container.</summary>
    public CreateContainerParameters Describe(DockerContainer container, IContainerFiles files, NetworkLease network)
    {
        var spec = container.Spec;
        var all = new Dictionary<string, string>(labels) { [DockerLabels.Container] = spec.Name };
        foreach (var (key, value) in spec.Labels)
        {
            all[key] = value;
        }

        Mount[] mounts =
        [
            .. files.Mounts,
            .. store.Workspace,
            .. spec.HostMounts.Select(m => new Mount { Type = "bind", Source = m.Source, Target = m.Target, ReadOnly = m.ReadOnly }),
        ];
        return ContainerShape.Of(container.Name, spec, all, mounts, files, LimitsOf(spec), network.Network, store.SystemCalls, Connection.Options.Labels);
    }

    public ResourceLimits LimitsOf(ContainerSpec spec) => new(
        spec.Limits.MemoryBytes ?? Spec.Limits.MemoryBytes ?? Connection.Options.DefaultLimits.MemoryBytes,
        spec.Limits.Cpus ?? Spec.Limits.Cpus ?? Connection.Options.DefaultLimits.Cpus,
        spec.Limits.Pids ?? Spec.Limits.Pids ?? Connection.Options.DefaultLimits.Pids);

    /// <inheritdoc cref="ServiceNames.LinesFor"/>
    public IReadOnlyList<string> HostLinesFor(DockerContainer container) => services.LinesFor(container);

    /// <inheritdoc cref="GroupKeeping.KeepAsync"/>
    public Task<KeptContainer> KeepAsync(DockerContainer container, KeepRequest request, CancellationToken cancellationToken) =>
        keeping.KeepAsync(container, request, cancellationToken);

    /// <summary>Lets a container that has ended be removed; the group's disposal waits for it.</summary>
    public void RemoveLater(DockerContainer container)
    {
        lock (gate)
        {
            containers.Remove(container);
        }

        removals.Add(container);
    }

    /// <summary>A container is gone.</summary>
    public void Forget(DockerContainer container)
    {
        lock (gate)
        {
            containers.Remove(container);
        }

        services.Remove(container.Spec.Name);
    }

    private static void Check(ContainerSpec spec)
    {
        foreach (var file in spec.Files)
        {
            Names.CheckFile(file.Name);
        }
    }

    private bool IsOurs(DockerContainer container)
    {
        lock (gate)
        {
            return containers.Contains(container);
        }
    }

    /// <summary>Makes a service known to the containers that live already.</summary>
    private async Task AnnounceAsync(string name, string address)
    {
        services.Add(name, address);
        DockerContainer[] others;
        lock (gate)
        {
            // One that waits hears of it with "go": the file of names is not yet its own.
            others = [.. containers.Where(c => c.Address is not null && c.IsStarted)];
        }

        await Task.WhenAll(others.Select(c => c.SetHostsAsync(HostLinesFor(c))));
    }
}
