using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Network;

/// <summary>The network of one group: a router namespace with a bridge, one namespace per container, and a way out.</summary>
/// <remarks>
/// Nothing is ever deleted here: a synchronous deletion of a device waits for 30 ms and more. The namespaces vanish when the last descriptor
/// and the last process in them are gone, and take their devices with them, also the end of the uplink that the host sees.
/// </remarks>
internal sealed class GroupNetwork : IDisposable
{
    private readonly Descriptor _router;
    private readonly Links _routerLinks;
    private readonly AddressPlan _plan;
    private readonly AddressPlan6 _plan6;
    private readonly int _bridge;
    private readonly Dictionary<string, Descriptor> _containers = [];
    private int _ports;
    private Descriptor? _spare;

    private GroupNetwork(Descriptor router, AddressPlan plan, AddressPlan6 plan6)
    {
        _router = router;
        _plan = plan;
        _plan6 = plan6;
        _routerLinks = Links.Of(router);
        _routerLinks.BringLoopbackUp();
        _bridge = _routerLinks.AddBridge("group");
        _routerLinks.AddAddress(_bridge, plan.Gateway, AddressPlan.ContainerPrefix);
        if (plan6.Exists)
        {
            _routerLinks.AddAddress(_bridge, plan6.Gateway, AddressPlan6.ContainerPrefix);
        }
    }

    public static GroupNetwork Create(AddressPlan plan, AddressPlan6 plan6) => new(NetworkNamespaces.Make(), plan, plan6);

    /// <summary>Connects the group with the host's network. The host's rules decide what may pass.</summary>
    public void ConnectUplink(string hostDevice)
    {
        using var host = Links.Of(null);
        host.AddPair(hostDevice, bridge: 0, "uplink", _router);

        // Of addresses that the kernel would make up there is no use on this link, and nothing that is announced on it is believed.
        _ = Files.TryWriteKernelFile($"/proc/sys/net/ipv6/conf/{hostDevice}/{(_plan6.Exists ? "accept_ra" : "disable_ipv6")}", _plan6.Exists ? "0" : "1");
        var index = host.Index(hostDevice);
        host.AddAddress(index, _plan.UplinkHost, AddressPlan.UplinkPrefix);
        host.AddRoute(_plan.Network, AddressPlan.ContainerPrefix, _plan.UplinkRouter, index);
        Connect(_routerLinks, "uplink", _plan.UplinkRouter, AddressPlan.UplinkPrefix, _plan.UplinkHost);
        NetworkNamespaces.Within(_router, () => Files.TryWriteKernelFile("/proc/sys/net/ipv4/ip_forward", "1"));
        if (_plan6.Exists)
        {
            ConnectUplink6(host, index);
        }
    }

    private void ConnectUplink6(Links host, int index)
    {
        host.AddAddress(index, AddressPlan6.UplinkHost, AddressPlan6.ContainerPrefix);
        host.AddRoute(_plan6.Network, AddressPlan6.ContainerPrefix, AddressPlan6.UplinkRouter, index);
        var uplink = _routerLinks.Index("uplink");
        NetworkNamespaces.Within(_router, () => Files.TryWriteKernelFile("/proc/sys/net/ipv6/conf/all/forwarding", "1"));
        _routerLinks.AddAddress(uplink, AddressPlan6.UplinkRouter, AddressPlan6.ContainerPrefix);
        _routerLinks.AddRoute(0, 0, AddressPlan6.UplinkHost, uplink);
    }

    /// <summary>Makes a container's network; returns the path under which a runtime can join it.</summary>
    /// <param name="owner">The user namespace that the network shall belong to.</param>
    /// <param name="container">The container's name.</param>
    /// <param name="address">Its address; 0 for loopback only.</param>
    public string AddContainer(UserNamespace owner, string container, uint address)
    {
        var network = _spare ?? MakeNetwork(owner);
        _spare = null;
        _containers.Add(container, network);
        using var links = Links.Of(network);
        links.BringLoopbackUp();
        if (address != 0)
        {
            _routerLinks.AddPair($"port{_ports++}", _bridge, "eth0", network);
            var index = Connect(links, "eth0", address, AddressPlan.ContainerPrefix, _plan.Gateway);
            if (_plan6.Exists)
            {
                links.AddAddress(index, _plan6.Container(address), AddressPlan6.ContainerPrefix);
                links.AddRoute(0, 0, _plan6.Gateway, index);
            }
        }

        return $"/proc/{Environment.ProcessId}/fd/{network.Number}";
    }

    /// <summary>Makes the next container's namespace while nobody waits for it. Nobody has been in it: one that was used never comes back.</summary>
    public void MakeSpare(UserNamespace owner) => _spare ??= MakeNetwork(owner);

    /// <summary>A container's addresses and routes are those that it is given: what others on the bridge announce is not believed.</summary>
    private static Descriptor MakeNetwork(UserNamespace owner)
    {
        var network = owner.MakeNetwork();
        NetworkNamespaces.Within(network, () => Files.TryWriteKernelFile("/proc/sys/net/ipv6/conf/default/accept_ra", "0"));
        return network;
    }

    private static int Connect(Links links, string device, uint address, byte prefixLength, uint gateway)
    {
        var index = links.Index(device);
        links.AddAddress(index, address, prefixLength);
        links.BringUp(index);
        links.AddRoute(0, 0, gateway, index);
        return index;
    }

    public void RemoveContainer(string container)
    {
        if (_containers.Remove(container, out var network))
        {
            network.Dispose();
        }
    }

    public void Dispose()
    {
        foreach (var network in _containers.Values)
        {
            network.Dispose();
        }

        _spare?.Dispose();
        _routerLinks.Dispose();
        _router.Dispose();
    }
}
