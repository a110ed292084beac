using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Networks;
using BuildRunner.Sandbox.Wire;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A container that runs, behind a waiter, from its preparation to its removal.</summary>
internal sealed class DockerContainer : IPreparedContainer
{
    private readonly DockerGroup group;
    private readonly IContainerFiles files;
    private readonly NetworkLease network;
    private readonly Lazy<Task> removal;
    private readonly Lock gate = new();
    private WaiterSession? session;
    private OutputRecord? record;
    private int runs;
    private DockerContainer? successor;
    private DateTimeOffset? lease;
    private bool ended;

    private DockerContainer(DockerGroup group, ContainerSpec spec, string name, IContainerFiles files, NetworkLease network)
    {
        this.group = group;
        Spec = spec;
        Name = name;
        this.files = files;
        this.network = network;
        // Elsewhere: whoever asks first holds the lazy value's lock meanwhile, and a removal takes others, which are held while somebody asks.
        removal = new Lazy<Task>(() => Task.Run(RemoveAsync));
    }

    /// <inheritdoc/>
    public ContainerSpec Spec { get; }

    /// <summary>Its name on the engine.</summary>
    public string Name { get; }

    /// <summary>The engine's id.</summary>
    public string Id { get; private set; } = "";

    /// <summary>Its address in the group's network; null without one.</summary>
    public string? Address => network.Address;

    /// <summary>True: its connection is another container's.</summary>
    public bool HasJoined => network.Network is ContainerNetwork.Joined;

    /// <summary>True: its command was started, or is about to be.</summary>
    public bool IsStarted => Volatile.Read(ref runs) != 0;

    /// <summary>True: it is being removed, or is gone.</summary>
    public bool IsGoing => removal.IsValueCreated;

    /// <summary>Has the connection for which it was made alone from now on; false: another container has it, or it is gone.</summary>
    public Task<bool> EnterConnectionAsync() => network.EnterAsync();

    /// <summary>Another one runs in the place of this one, which goes. False: this one was disposed already, and the other must not run.</summary>
    public bool GiveWayTo(DockerContainer other)
    {
        DateTimeOffset? until;
        lock (gate)
        {
            if (IsGoing)
            {
                return false;
            }

            (successor, ended, until) = (other, true, lease);
        }

        if (until is { } end)
        {
            _ = other.ExtendAsync(end - group.Connection.Time.GetUtcNow());
        }

        return true;
    }

    /// <summary>Creates and starts it; returns when its waiter waits.</summary>
    public static async Task<DockerContainer> StartAsync(
        DockerGroup group,
        ContainerSpec spec,
        string name,
        IContainerFiles files,
        NetworkLease network,
        CancellationToken cancellationToken)
    {
        var container = new DockerContainer(group, spec, name, files, network);
        try
        {
            await container.StartAsync(cancellationToken);
            return container;
        }
        catch
        {
            await container.GoneAsync();
            throw;
        }
    }

    /// <inheritdoc/>
    /// <remarks>The waiter in the container keeps the time: it needs nobody outside of it.</remarks>
    public Task ExtendAsync(TimeSpan time)
    {
        DockerContainer? other;
        lock (gate)
        {
            (lease, other) = (group.Connection.Time.GetUtcNow() + time, successor);
        }

        var milliseconds = Math.Max((long)time.TotalMilliseconds, 0);
        return other?.ExtendAsync(time) ?? session?.ExtendAsync(milliseconds) ?? Task.CompletedTask;
    }

    /// <summary>Starts the command and waits for its end.</summary>
    public async Task<ContainerExit> RunAsync(StartSpec start, IOutputSink output, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await GoAsync(start);
        using var reading = new CancellationTokenSource();
        var feeding = session!.FeedAsync(start.Input, reading.Token);
        var stopped = false;
        await using (cancellationToken.Register(() =>
        {
            stopped = true;
            _ = StopAsync();
        }))
        {
            ContainerExit exit;
            try
            {
                exit = await WaitToTheEndAsync(output);
            }
            finally
            {
                await reading.CancelAsync();
                await feeding.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            return stopped ? throw new OperationCanceledException(cancellationToken) : exit;
        }
    }

    private async Task<ContainerExit> WaitToTheEndAsync(IOutputSink output)
    {
        try
        {
            return await WaitAsync(output);
        }
        catch (Exception failure) when (failure is not ContainerException)
        {
            // The reader of the output gave up. The caller hears why when nothing runs any more.
            await GoneAsync();
            throw;
        }
    }

    /// <summary>Says "go".</summary>
    public async Task GoAsync(StartSpec start)
    {
        if (Interlocked.Exchange(ref runs, 1) != 0)
        {
            throw new InvalidOperationException($"the container '{Spec.Name}' has been started already");
        }

        var command = ContainerCommand.Resolve(Spec, start, Names.HostName(Spec.Name));
        var user = Spec.User ?? Spec.Image.Config.User ?? "";
        var sent = await PutFilesAsync(user);
        var message = new WaiterStart
        {
            Arguments = command.Arguments,
            Environment = command.Environment,
            WorkingDirectory = Spec.WorkingDirectory ?? group.Spec.Workspace?.TreePath ?? Spec.Image.Config.WorkingDirectory ?? "/",
            User = user,
            Files = sent,
            FilesDirectory = InjectedFile.Root,
            Hosts = group.HostLinesFor(this),
            ResolvConf = Spec.Dns.Count > 0 ? NameServers.ResolvConf(Spec.Dns, Spec.DnsSearch) : "",
            DeadlineMilliseconds = (long)(Spec.Deadline?.TotalMilliseconds ?? 0),
            StopSignal = Signals.Parse(Spec.Image.Config.StopSignal),
            GraceMilliseconds = (int)Math.Min(Spec.StopGrace.TotalMilliseconds, int.MaxValue),
            Input = InputPump.KindOf(start.Input),
        };
        await session!.GoAsync(message);
    }

    /// <summary>Delivers the output and completes when every process of the container is dead. To be called once.</summary>
    public async Task<ContainerExit> WaitAsync(IOutputSink output)
    {
        try
        {
            if (await session!.WaitAsync(output) is { } report)
            {
                // No process of it is left but the waiter: the next step may have the connection.
                network.Dispose();
                return report.Abandoned ? throw Failures.NotRenewed(Spec.Name) : ContainerEnds.Of(report, group.LimitsOf(Spec));
            }
        }
        finally
        {
            lock (gate)
            {
                ended = true;
            }
        }

        return await ContainerEnds.OfLostWaiterAsync(group.Connection, Id, Spec, group.LimitsOf(Spec), session.IsOverdue);
    }

    /// <inheritdoc cref="WaiterSession.StopAsync"/>
    public Task StopAsync() => session?.StopAsync() ?? Task.CompletedTask;

    /// <inheritdoc cref="WaiterSession.CheckAsync"/>
    public Task<int> CheckAsync(IReadOnlyList<string> arguments, TimeSpan timeout, CancellationToken cancellationToken) =>
        session!.CheckAsync(arguments, timeout, cancellationToken);

    /// <inheritdoc cref="WaiterSession.RestoreNamesAsync"/>
    public Task<bool> RestoreNamesAsync(CancellationToken cancellationToken) => session?.RestoreNamesAsync(cancellationToken) ?? Task.FromResult(false);

    /// <inheritdoc cref="WaiterSession.SetHostsAsync"/>
    public Task SetHostsAsync(IReadOnlyList<string> lines) => session?.SetHostsAsync(lines) ?? Task.CompletedTask;

    /// <inheritdoc/>
    public async Task<KeptContainer?> KeepAsync(KeepRequest request, CancellationToken cancellationToken) => Spec.MayBeKept
        ? await group.KeepAsync(successor ?? this, request, cancellationToken)
        : throw new InvalidOperationException($"the container '{Spec.Name}' was not prepared to be kept");

    /// <inheritdoc/>
    /// <remarks>Whoever has run it does not wait for the engine to tidy up; the group's disposal does.</remarks>
    public ValueTask DisposeAsync()
    {
        bool dead;
        Task removed;
        lock (gate)
        {
            dead = ended;
            removed = dead ? Task.CompletedTask : removal.Value;
        }

        if (!dead)
        {
            return new(removed);
        }

        group.RemoveLater(this);
        return successor?.DisposeAsync() ?? ValueTask.CompletedTask;
    }

    /// <summary>Ends it if it lives; completes when the engine has removed it.</summary>
    public Task GoneAsync() => removal.Value;

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var connection = group.Connection;
        var what = $"creating the container '{Spec.Name}'";
        var created = await connection.CallAsync(what, c => c.Containers.CreateContainerAsync(group.Describe(this, files, network), cancellationToken));
        Id = created.ID;
        await files.ListenAsync(Id, cancellationToken);
        await network.CreatedAsync(Id, cancellationToken);
        await connection.CallAsync($"starting the container '{Spec.Name}'", c => c.Containers.StartContainerAsync(Id, new ContainerStartParameters(), cancellationToken));
        await network.CompleteAsync(Id, cancellationToken);
        record = Spec.Record is { } kept ? files.BeginRecord(kept) : null;
        session = new WaiterSession(Spec, await AcceptAsync(cancellationToken), record, connection.Time);
        if (!await session.IsReadyAsync(cancellationToken))
        {
            throw new ContainerException(ContainerFailure.Lost, $"the container '{Spec.Name}' ended before it was ready ({await ContainerEnds.DescribeAsync(group.Connection, Id)})");
        }
    }

    /// <summary>The waiter connects as the first thing it does; if it cannot be executed, the container ends instead.</summary>
    private async Task<WaiterChannel> AcceptAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var accept = files.AcceptAsync(record, limit.Token);
        var late = Task.Delay(WaiterSession.Patience, group.Connection.Time, limit.Token);
        if (await Task.WhenAny(accept, late) == late && !cancellationToken.IsCancellationRequested)
        {
            await limit.CancelAsync();
            await ((Task)accept).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new ContainerException(
                ContainerFailure.Internal,
                $"the container '{Spec.Name}' did not report ({await ContainerEnds.DescribeAsync(group.Connection, Id)}); is {group.Connection.SandboxProgram} a program of this processor?");
        }

        try
        {
            return await accept;
        }
        finally
        {
            await limit.CancelAsync();
        }
    }

    private async Task<IReadOnlyList<FileContent>> PutFilesAsync(string user)
    {
        var owner = (User: 0u, Group: 0u);
        if (files.NeedsOwner && user.Length > 0 && Spec.Files.Any(f => f.Secret))
        {
            owner = await session!.FindUserAsync(user)
                ?? throw new ContainerException(ContainerFailure.Lost, $"the container '{Spec.Name}' is gone ({await ContainerEnds.DescribeAsync(group.Connection, Id)})");
        }

        return files.Put(Spec.Files, owner);
    }

    private async Task RemoveAsync()
    {
        session?.Close();
        try
        {
            if (Id.Length > 0)
            {
                if (session is not null)
                {
                    // Its waiter has no caller any more, and ends: to have the engine kill it costs the engine another process.
                    await group.Connection.WaitUntilEndedAsync(Id);
                }

                await group.Connection.RemoveContainerAsync(Id, Spec.Name, CancellationToken.None);
            }
        }
        finally
        {
            files.Dispose();
            network.Dispose();
            group.Forget(this);
            session?.Dispose();
            record?.Dispose();
        }
    }
}
