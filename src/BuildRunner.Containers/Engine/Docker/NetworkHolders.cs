namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Containers that do nothing but hold a connection, for the steps of a group to join one after the other.</summary>
/// <remarks>
/// An engine takes most of a container's start and end for its network. So a step joins a connection that is there. Several containers may be
/// prepared on one, but a step has it alone: its command starts only when no process of the one before is left, and the files of names that
/// all share are what they were. Who could change the connection itself (privileged containers), or has name servers of its own, gets an own one.
/// So does everybody on Podman: whenever a container joins or leaves, it reads, changes and writes the file of names that all share, under the
/// step that runs, whose names are lost where the two writes cross.
/// </remarks>
internal sealed class NetworkHolders(DockerGroup group)
{
    private readonly Lock gate = new();
    private readonly List<SharedConnection> connections = [];
    private int made;

    /// <summary>A connection for a container that will be started: that for which the fewest are prepared, or a new one as long as there are fewer than steps at once.</summary>
    public async Task<NetworkLease> TakeAsync(ContainerSpec spec, CancellationToken cancellationToken)
    {
        if (spec.Privileged || spec.Dns.Count > 0 || spec.DnsSearch.Count > 0 || await group.Connection.IsPodman)
        {
            return group.OwnNetwork(spec.Network);
        }

        SharedConnection chosen;
        lock (gate)
        {
            var usable = connections.Where(c => c.Mode == spec.Network && c.IsUsable).ToList();
            chosen = usable.MinBy(c => c.Users) is { } least && (least.Users == 0 || usable.Count >= group.Spec.StepsAtOnce) ? least : Add(spec);
            chosen.Users++;
        }

        return await LeaseAsync(chosen, cancellationToken);
    }

    /// <summary>A connection that is the caller's alone from now on.</summary>
    public async Task<NetworkLease> TakeAloneAsync(ContainerSpec spec, CancellationToken cancellationToken)
    {
        while (true)
        {
            SharedConnection? idle;
            lock (gate)
            {
                idle = connections.FirstOrDefault(c => c.Mode == spec.Network && c is { IsUsable: true, IsBusy: false }) ?? Add(spec);
                idle.Users++;
            }

            var lease = await LeaseAsync(idle, cancellationToken);
            if (await lease.EnterAsync())
            {
                return lease;
            }

            lease.Dispose();
        }
    }

    /// <summary>Completes when no holder is being started any more.</summary>
    public async Task SettleAsync()
    {
        Task<DockerContainer>[] starting;
        lock (gate)
        {
            starting = [.. connections.Where(c => c.Holder.IsValueCreated).Select(c => c.Holder.Value)];
        }

        foreach (Task start in starting)
        {
            await start.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private SharedConnection Add(ContainerSpec spec)
    {
        var quiet = new ContainerSpec { Name = $"network-{++made}", Image = spec.Image, Network = spec.Network };
        var connection = new SharedConnection(
            spec.Network, created => group.StartContainerAsync(quiet, group.OwnNetwork(spec.Network, created), CancellationToken.None));
        connections.Add(connection);
        return connection;
    }

    private async Task<NetworkLease> LeaseAsync(SharedConnection connection, CancellationToken cancellationToken)
    {
        try
        {
            return NetworkLease.Joined(connection, await connection.FindHolderAsync(cancellationToken), Leave);
        }
        catch
        {
            Leave();
            throw;
        }

        void Leave()
        {
            lock (gate)
            {
                connection.Users--;
            }
        }
    }
}

/// <summary>A connection that containers have one after the other.</summary>
internal sealed class SharedConnection
{
    private readonly Lock gate = new();
    private readonly TaskCompletionSource<string> created = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<bool> clean = Task.FromResult(true);

    /// <param name="mode">What it leads to.</param>
    /// <param name="start">Starts the container that holds it, when it is first needed; calls back with the engine's id as soon as there is one.</param>
    public SharedConnection(NetworkMode mode, Func<Action<string>, Task<DockerContainer>> start)
    {
        Mode = mode;
        Holder = new Lazy<Task<DockerContainer>>(() => start(id => created.TrySetResult(id)));
    }

    /// <summary>What it leads to.</summary>
    public NetworkMode Mode { get; }

    /// <summary>The container that holds it. Its start is nobody's to give up: others may wait for it.</summary>
    public Lazy<Task<DockerContainer>> Holder { get; }

    /// <summary>The engine's id of the holder, which may still be starting: containers can be created meanwhile that will join it.</summary>
    /// <exception cref="ContainerException">It could not be created.</exception>
    public async Task<string> FindHolderAsync(CancellationToken cancellationToken)
    {
        var starting = Holder.Value;
        await Task.WhenAny(created.Task, starting).WaitAsync(cancellationToken);
        return created.Task.IsCompletedSuccessfully ? await created.Task : (await starting).Id;
    }

    /// <summary>How many containers are prepared on it or have it. Its maker's, under its maker's lock.</summary>
    public int Users { get; set; }

    /// <summary>True: somebody has it now.</summary>
    public bool IsBusy { get; private set; }

    /// <summary>False: its holder could not be started, or has ended.</summary>
    public bool IsUsable
    {
        get
        {
            lock (gate)
            {
                return clean is not { IsCompletedSuccessfully: true, Result: false } && !(Holder.IsValueCreated && Holder.Value is { IsFaulted: true } or { IsCanceled: true });
            }
        }
    }

    /// <summary>Takes it, when it is as it was before anybody had it; false: somebody has it, or it is gone.</summary>
    public async Task<bool> EnterAsync()
    {
        Task<bool> ready;
        lock (gate)
        {
            if (IsBusy)
            {
                return false;
            }

            IsBusy = true;
            ready = clean;
        }

        return await ready;
    }

    /// <summary>Gives it back; no process of whoever had it is left.</summary>
    public void Leave()
    {
        lock (gate)
        {
            // Before it is free, and not when the next one waits for it: the names were whoever's had it.
            clean = RestoreAsync();
            IsBusy = false;
        }
    }

    private async Task<bool> RestoreAsync()
    {
        try
        {
            return await (await Holder.Value).RestoreNamesAsync(CancellationToken.None);
        }
        catch (Exception gone) when (gone is ContainerException or OperationCanceledException or ObjectDisposedException)
        {
            // A connection whose holder does not answer is nobody's any more.
            return false;
        }
    }
}
