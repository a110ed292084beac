using System.Collections.Concurrent;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Work;

/// <summary>Hands the agent's lease on to its containers: each ends by itself when the lease is over, also if this process is frozen at that moment.</summary>
internal sealed class ContainerLeases(Lease lease)
{
    private readonly ConcurrentDictionary<IPreparedContainer, byte> running = new();

    /// <summary>Watches a container until the result is disposed.</summary>
    public IDisposable Watch(IPreparedContainer container)
    {
        running.TryAdd(container, 0);
        _ = container.ExtendAsync(lease.Left);
        return new Watched(this, container);
    }

    /// <summary>The lease was renewed.</summary>
    public Task ExtendAsync() => Task.WhenAll(running.Keys.Select(c => c.ExtendAsync(lease.Left)));

    private sealed class Watched(ContainerLeases leases, IPreparedContainer container) : IDisposable
    {
        public void Dispose() => leases.running.TryRemove(container, out _);
    }
}
