using BuildRunner.Containers.Engine.Kept;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Networks;
using BuildRunner.Sandbox.Wire;
using Docker.DotNet.Models;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A container that runs, behind a waiter, from its preparation to its removal.</summary>
internal sealed class DockerContainer : IPreparedContainer
{
    /// <summary>A waiter that was told to end the container and has not done so by then is ended with it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly DockerGroup group;
    private readonly IContainerFiles files;
    private readonly NetworkLease network;
    private readonly Lazy<Task> removal;
    private readonly CancellationTokenSource gone = new();
    private readonly Dictionary<int, TaskCompletionSource<int>> checks = [];
    private readonly Lock gate = new();
    private WaiterChannel? channel;
    private InputPump? input;
    private int runs;
    private DockerContainer? successor;
    private int lastCheck;
    private bool ended;

    private DockerContainer(DockerGroup group, ContainerSpec spec, string name, IContainerFiles files, NetworkLease network)
    {
        this.group = group;
        Spec = spec;
        Name = name;
        this.files = files;
        this.network = network;
        removal = new Lazy<Task>(RemoveAsync);
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
        lock (gate)
        {
            if (IsGoing)
            {
                return false;
            }

            successor = other;
            ended = true;
            return true;
        }
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

    /// <summary>Starts the command and waits for its end.</summary>
    public async Task<ContainerExit> RunAsync(StartSpec start, IOutputSink output, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await GoAsync(start);
        using var reading = new CancellationTokenSource();
        var feeding = start.Input is null ? Task.CompletedTask : input!.FeedAsync(start.Input.Events, reading.Token);
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
        input = new InputPump((byte)WaiterMessage.Input, (byte)WaiterMessage.Resize, channel!.SendAsync);
        await channel.SendAsync(message.Encode());
    }

    /// <summary>Delivers the output and completes when every process of the container is dead. To be called once.</summary>
    public async Task<ContainerExit> WaitAsync(IOutputSink output)
    {
        try
        {
            while (await channel!.ReadAsync(gone.Token) is { } frame)
            {
                switch ((WaiterMessage)frame.Kind)
                {
                    case WaiterMessage.Output when frame.Payload.Length > 1:
                        var stream = frame.Payload.Span[0] == 2 ? OutputStream.Error : OutputStream.Out;
                        await output.WriteAsync(stream, frame.Payload[1..], group.Connection.Time.GetUtcNow(), CancellationToken.None);
                        break;
                    case WaiterMessage.CheckDone:
                        Complete(CheckResult.Decode(frame));
                        break;
                    case WaiterMessage.InputTaken:
                        input?.Taken();
                        break;
                    case WaiterMessage.CommandFailed:
                        throw Failures.ToException(CommandFailure.Decode(frame), Spec.Image.DisplayName);
                    case WaiterMessage.Failed:
                        throw Failures.ToException(Failure.Decode(frame));
                    case WaiterMessage.Exited:
                        // No process of it is left but the waiter: the next step may have the connection.
                        network.Dispose();
                        return ExitOf(ExitReport.Decode(frame));
                    default:
                        break;
                }
            }
        }
        catch (OperationCanceledException) when (gone.IsCancellationRequested)
        {
            // It did not end in time, and was ended.
        }
        finally
        {
            End();
        }

        return await ExitOfLostWaiterAsync();
    }

    /// <summary>Asks the command to end; after its grace it is killed.</summary>
    public async Task StopAsync()
    {
        var grace = (int)Math.Min(Spec.StopGrace.TotalMilliseconds, int.MaxValue);
        var patience = Patience + Spec.StopGrace;
        if (channel is null || !await channel.SendAsync(new StopRequest(Signals.Parse(Spec.Image.Config.StopSignal), grace).Encode()))
        {
            return;
        }

        gone.CancelAfter(patience);
    }

    /// <summary>Runs a command beside the container's own; its status, or <see cref="EndedStatus"/> if the container has ended.</summary>
    public async Task<int> CheckAsync(IReadOnlyList<string> arguments, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        int id;
        lock (gate)
        {
            if (ended)
            {
                return EndedStatus;
            }

            id = ++lastCheck;
            checks.Add(id, done);
        }

        var milliseconds = (int)Math.Clamp(timeout.TotalMilliseconds, 1, int.MaxValue);
        await channel!.SendAsync(new CheckRequest(id, arguments, milliseconds).Encode((byte)WaiterMessage.Check));
        return await done.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Of one that only holds a connection: undoes what the last one that had it did to the name files that all share. False: it is gone.</summary>
    public async Task<bool> RestoreNamesAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        return channel is not null
            && await channel.SendAsync(Frame.Encode((byte)WaiterMessage.RestoreNames, static _ => { }))
            && await channel.ReadAsync(limit.Token) is { Kind: (byte)WaiterMessage.Ready };
    }

    /// <summary>Tells the container's <c>/etc/hosts</c> which names there are now.</summary>
    public Task SetHostsAsync(IReadOnlyList<string> lines) => channel?.SendAsync(new HostLines(lines).Encode()) ?? Task.CompletedTask;

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

    /// <summary>What a check answers if there is nothing left to check.</summary>
    public const int EndedStatus = -1;

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        var connection = group.Connection;
        var what = $"creating the container '{Spec.Name}'";
        var created = await connection.CallAsync(what, c => c.Containers.CreateContainerAsync(group.Describe(this, files, network), cancellationToken));
        Id = created.ID;
        await files.ListenAsync(Id, cancellationToken);
        await connection.CallAsync($"starting the container '{Spec.Name}'", c => c.Containers.StartContainerAsync(Id, new ContainerStartParameters(), cancellationToken));
        await network.CompleteAsync(Id, cancellationToken);
        channel = await AcceptAsync(cancellationToken);
        if (await channel.ReadAsync(cancellationToken) is not { Kind: (byte)WaiterMessage.Ready })
        {
            throw new ContainerException(ContainerFailure.Lost, $"the container '{Spec.Name}' ended before it was ready ({await DescribeAsync()})");
        }
    }

    /// <summary>The waiter connects as the first thing it does; if it cannot be executed, the container ends instead.</summary>
    private async Task<WaiterChannel> AcceptAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var accept = files.AcceptAsync(limit.Token);
        var late = Task.Delay(Patience, group.Connection.Time, limit.Token);
        if (await Task.WhenAny(accept, late) == late && !cancellationToken.IsCancellationRequested)
        {
            await limit.CancelAsync();
            await ((Task)accept).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw new ContainerException(
                ContainerFailure.Internal,
                $"the container '{Spec.Name}' did not report ({await DescribeAsync()}); is {group.Connection.SandboxProgram} a program of this processor?");
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
            await channel!.SendAsync(Frame.Encode((byte)WaiterMessage.User, w => w.Write(user)));
            var answer = await channel.ReadAsync(CancellationToken.None);
            owner = answer switch
            {
                { Kind: (byte)WaiterMessage.User } known => UserAnswer.Decode(known) is var u ? (u.UserId, u.GroupId) : default,
                { Kind: (byte)WaiterMessage.Failed } refused => throw Failures.ToException(Failure.Decode(refused)),
                _ => throw new ContainerException(ContainerFailure.Lost, $"the container '{Spec.Name}' is gone ({await DescribeAsync()})"),
            };
        }

        return files.Put(Spec.Files, owner);
    }

    private ContainerExit ExitOf(ExitReport report) => report switch
    {
        { OutOfMemory: true, Signal: 9 } or { OutOfMemory: true, Code: 137 } => new ContainerExit.OutOfMemory(group.LimitsOf(Spec).MemoryBytes),
        { Signal: > 0 } => new ContainerExit.Signaled(report.Signal),
        _ => new ContainerExit.Exited(report.Code),
    };

    /// <summary>The waiter is gone without a word: the kernel, the engine or somebody else killed it.</summary>
    private async Task<ContainerExit> ExitOfLostWaiterAsync()
    {
        var what = $"looking at the container '{Spec.Name}'";
        if (gone.IsCancellationRequested)
        {
            await group.Connection.RemoveContainerAsync(Id, Spec.Name, CancellationToken.None);
            return new ContainerExit.Signaled(9);
        }

        var state = (await group.Connection.CallAsync(what, c => c.Containers.InspectContainerAsync(Id, CancellationToken.None))).State;
        return state is { OOMKilled: true }
            ? new ContainerExit.OutOfMemory(group.LimitsOf(Spec).MemoryBytes)
            : throw new ContainerException(
                ContainerFailure.Lost,
                $"the container '{Spec.Name}' was ended by something outside of BuildRunner (status {state?.ExitCode} {state?.Error})",
                isTransient: true);
    }

    private async Task<string> DescribeAsync()
    {
        try
        {
            var found = await group.Connection.Client.Containers.InspectContainerAsync(Id, CancellationToken.None);
            return $"its state is {found.State?.Status}, status {found.State?.ExitCode} {found.State?.Error}".TrimEnd();
        }
        catch (Exception unknown) when (unknown is global::Docker.DotNet.DockerApiException or HttpRequestException or IOException)
        {
            // Only an addition to a message.
            return "its state is not known";
        }
    }

    private void Complete(CheckResult result)
    {
        lock (gate)
        {
            if (checks.Remove(result.Id, out var done))
            {
                done.SetResult(result.Status);
            }
        }
    }

    private void End()
    {
        lock (gate)
        {
            ended = true;
            foreach (var check in checks.Values)
            {
                check.SetResult(EndedStatus);
            }

            checks.Clear();
        }
    }

    private async Task RemoveAsync()
    {
        channel?.Dispose();
        try
        {
            if (Id.Length > 0)
            {
                if (channel is not null)
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
            gone.Dispose();
        }
    }
}
