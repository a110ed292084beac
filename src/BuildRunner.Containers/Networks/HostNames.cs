using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Networks;

/// <summary>The addresses and names of a group's containers.</summary>
internal sealed class HostNames(AddressPlan plan)
{
    private readonly Lock _lock = new();
    private readonly Queue<int> _free = new(Enumerable.Range(0, AddressPlan.Containers));
    private readonly Dictionary<string, uint> _services = [];

    /// <summary>Takes an address; those given back longest ago come first.</summary>
    /// <exception cref="Engine.ContainerException">None is free.</exception>
    public uint TakeAddress()
    {
        lock (_lock)
        {
            return _free.TryDequeue(out var number)
                ? plan.Container(number)
                : throw new Engine.ContainerException(Engine.ContainerFailure.ResourceExhausted, $"A workflow can have {AddressPlan.Containers} containers at once; all are taken.");
        }
    }

    public void ReturnAddress(uint address)
    {
        lock (_lock)
        {
            _free.Enqueue((int)(address - plan.Container(0)));
        }
    }

    public void AddService(string name, uint address)
    {
        lock (_lock)
        {
            _services[name] = address;
        }
    }

    /// <summary>Forgets a service; not another one that has this name.</summary>
    public void RemoveService(string name, uint address)
    {
        lock (_lock)
        {
            if (_services.TryGetValue(name, out var known) && known == address)
            {
                _services.Remove(name);
            }
        }
    }

    /// <summary>A line of <c>/etc/hosts</c>.</summary>
    public static string Line(uint address, string name) => $"{AddressPlan.Format(address)}\t{name}";

    /// <summary>The line of an entry of <see cref="Engine.ContainerSpec.ExtraHosts"/>: no name has a colon, and addresses of version 6 have several.</summary>
    public static string Line(string extraHost) => extraHost.Split(':', 2) is [var name, var address] ? $"{address}\t{name}" : throw new ArgumentException($"'{extraHost}' is not name:address", nameof(extraHost));

    /// <summary>The content of a container's <c>/etc/hosts</c>: itself, the group's services, what its specification adds.</summary>
    public string HostsFile(string hostName, uint address, IReadOnlyList<string> extraHosts)
    {
        var lines = new List<string>
        {
            "127.0.0.1\tlocalhost",
            "::1\tlocalhost ip6-localhost ip6-loopback",
            address == 0 ? $"127.0.1.1\t{hostName}" : Line(address, hostName),
        };
        lock (_lock)
        {
            lines.AddRange(address == 0 ? [] : _services.Select(s => Line(s.Value, s.Key)));
        }

        lines.AddRange(extraHosts.Select(Line));
        return string.Join('\n', lines) + "\n";
    }
}
