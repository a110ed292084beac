namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A container's connection while it needs it.</summary>
internal sealed class NetworkLease : IDisposable
{
    private readonly Func<string, CancellationToken, Task<string?>>? findAddress;
    private readonly Action<string>? created;
    private readonly SharedConnection? shared;
    private readonly Lock gate = new();
    private Action? leave;
    private bool entered;

    private NetworkLease(ContainerNetwork network, Func<string, CancellationToken, Task<string?>>? findAddress, Action<string>? created, SharedConnection? shared, Action? leave)
    {
        Network = network;
        this.created = created;
        this.findAddress = findAddress;
        this.shared = shared;
        this.leave = leave;
    }

    /// <summary>What the engine is told.</summary>
    public ContainerNetwork Network { get; }

    /// <summary>The address; null without one, or not yet known.</summary>
    public string? Address { get; private set; }

    /// <summary>A connection of the container's own.</summary>
    /// <param name="network">The network's id, or <c>none</c>.</param>
    /// <param name="findAddress">Asks the engine for the address of a container that was started; null: it has none.</param>
    /// <param name="created">Told the container's id when it was created; null: nobody wants to know.</param>
    public static NetworkLease Own(string network, Func<string, CancellationToken, Task<string?>>? findAddress, Action<string>? created) =>
        new(new ContainerNetwork.Own(network), findAddress, created, null, null);

    /// <summary>The connection of a container that only holds it.</summary>
    /// <param name="shared">The connection.</param>
    /// <param name="holderId">The engine's id of who holds it, which may still be starting.</param>
    /// <param name="leave">Called once, when the container does not need it any more.</param>
    public static NetworkLease Joined(SharedConnection shared, string holderId, Action leave) => new(new ContainerNetwork.Joined(holderId), null, null, shared, leave);

    /// <summary>The container was created; completes when it may be started.</summary>
    /// <exception cref="ContainerException">The connection did not come to be.</exception>
    public async Task CreatedAsync(string containerId, CancellationToken cancellationToken)
    {
        created?.Invoke(containerId);
        if (shared is not null)
        {
            Address = (await shared.Holder.Value.WaitAsync(cancellationToken)).Address;
        }
    }

    /// <summary>The container was started.</summary>
    public async Task CompleteAsync(string containerId, CancellationToken cancellationToken)
    {
        if (findAddress is not null)
        {
            Address = await findAddress(containerId, cancellationToken);
        }
    }

    /// <summary>Has the connection alone from now on; false: another container has it, or it is gone. Without this no command may start.</summary>
    public async Task<bool> EnterAsync()
    {
        if (shared is null || entered)
        {
            return true;
        }

        if (!await shared.EnterAsync())
        {
            return false;
        }

        lock (gate)
        {
            entered = leave is not null;
        }

        if (!entered)
        {
            // Given back meanwhile, because the container is being removed.
            shared.Leave();
        }

        return entered;
    }

    /// <summary>No process of the container is left: somebody else may have the connection.</summary>
    public void Dispose()
    {
        Action? once;
        bool had;
        lock (gate)
        {
            (once, leave) = (leave, null);
            had = entered;
        }

        if (once is not null)
        {
            if (had)
            {
                shared?.Leave();
            }

            once();
        }
    }
}
