using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Networks;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>The names by which the containers of a group know each other.</summary>
internal sealed class ServiceNames
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, string> services = new(StringComparer.Ordinal);

    /// <summary>A service has an address.</summary>
    public void Add(string name, string address)
    {
        lock (gate)
        {
            services[name] = address;
        }
    }

    /// <summary>A container is gone; nothing happens if it was no service.</summary>
    public void Remove(string name)
    {
        lock (gate)
        {
            services.Remove(name);
        }
    }

    /// <summary>What a container's <c>/etc/hosts</c> has beyond the engine's own lines.</summary>
    public IReadOnlyList<string> LinesFor(DockerContainer container)
    {
        var extra = container.Spec.ExtraHosts.Select(HostNames.Line);
        if (container.Spec.Network == NetworkMode.None)
        {
            return [.. extra];
        }

        lock (gate)
        {
            var own = container is { HasJoined: true, Address: { } address } ? [$"{address}\t{Names.HostName(container.Spec.Name)}"] : Array.Empty<string>();
            return [.. own, .. services.Select(s => $"{s.Value}\t{s.Key}"), .. extra];
        }
    }
}
