using System.Collections.Concurrent;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Containers that do nothing but hold a connection, for the steps of a group to join one after the other.</summary>
/// <remarks>
/// An engine takes most of a container's start and end for its network. A step joins a connection that is there, and has it alone: it is
/// given to the next only when no process of the one before is left, and the files of names that both share are what they were. Who could change the connection itself (privileged containers), or
/// has name servers of its own, gets an own one.
/// </remarks>
internal sealed class NetworkHolders(DockerGroup group)
{
    private readonly ConcurrentDictionary<NetworkMode, ConcurrentBag<DockerContainer>> free = new();
    private int made;

    /// <summary>A connection for a container.</summary>
    public async Task<NetworkLease> TakeAsync(ContainerSpec spec, CancellationToken cancellationToken)
    {
        if (spec.Privileged || spec.Dns.Count > 0 || spec.DnsSearch.Count > 0)
        {
            return group.OwnNetwork(spec.Network);
        }

        var idle = free.GetOrAdd(spec.Network, _ => []);
        while (idle.TryTake(out var used))
        {
            if (await used.RestoreNamesAsync(cancellationToken))
            {
                return Lease(used);
            }
        }

        var number = Interlocked.Increment(ref made);
        var quiet = new ContainerSpec { Name = $"network-{number}", Image = spec.Image, Network = spec.Network };
        return Lease(await group.StartContainerAsync(quiet, group.OwnNetwork(spec.Network), cancellationToken));

        NetworkLease Lease(DockerContainer holder) => NetworkLease.Joined(holder.Id, holder.Address, () => idle.Add(holder));
    }
}
