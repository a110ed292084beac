using System.Collections.Concurrent;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Work;

/// <summary>Hands the agent's lease on to its containers: each ends by itself when the lease is over, also if this process is frozen at that moment.</summary>
internal sealed class ContainerLeases(Lease lease)
{
    private readonly ConcurrentDictionary<ILeased, byte> running = new();

    /// <summary>Watches a container until the result is disposed.</summary>
    public IDisposable Watch(ILeased container)
    {
        running.TryAdd(container, 0);
        _ = container.ExtendAsync(lease.Left);
        return new Watched(this, container);
    }

    /// <summary>The lease was renewed. Nobody waits until a container has heard of it: an engine that does not listen must not keep heartbeats waiting.</summary>
    public void Extend()
    {
        foreach (var container in running.Keys)
        {
            _ = container.ExtendAsync(lease.Left);
        }
    }

    private sealed class Watched(ContainerLeases leases, ILeased container) : IDisposable
    {
        public void Dispose() => leases.running.TryRemove(container, out _);
    }
}
