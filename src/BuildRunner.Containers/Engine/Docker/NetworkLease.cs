namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A container's connection while it needs it.</summary>
internal sealed class NetworkLease : IDisposable
{
    private readonly Func<string, CancellationToken, Task<string?>>? findAddress;
    private Action? giveBack;

    private NetworkLease(ContainerNetwork network, Task ready, Func<string, CancellationToken, Task<string?>>? findAddress, Action? giveBack)
    {
        Network = network;
        Ready = ready;
        this.findAddress = findAddress;
        this.giveBack = giveBack;
    }

    /// <summary>What the engine is told.</summary>
    public ContainerNetwork Network { get; }

    /// <summary>Completes when a container that has it can be started.</summary>
    public Task Ready { get; }

    /// <summary>The address; null without one, or not yet known.</summary>
    public string? Address { get; private set; }

    /// <summary>A connection of the container's own.</summary>
    /// <param name="network">The network's id, or <c>none</c>.</param>
    /// <param name="findAddress">Asks the engine for the address of a container that was started; null: it has none.</param>
    public static NetworkLease Own(string network, Func<string, CancellationToken, Task<string?>>? findAddress) =>
        new(new ContainerNetwork.Own(network), Task.CompletedTask, findAddress, null);

    /// <summary>The connection of a container that only holds it.</summary>
    public static NetworkLease Joined(string holder, string? address, Action giveBack) =>
        new(new ContainerNetwork.Joined(holder), Task.CompletedTask, null, giveBack) { Address = address };

    /// <summary>The container was started.</summary>
    public async Task CompleteAsync(string containerId, CancellationToken cancellationToken)
    {
        if (findAddress is not null)
        {
            Address = await findAddress(containerId, cancellationToken);
        }
    }

    /// <summary>No process of the container is left: somebody else may have the connection.</summary>
    public void Dispose() => Interlocked.Exchange(ref giveBack, null)?.Invoke();
}
