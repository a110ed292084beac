using System.Buffers.Binary;
using BuildRunner.Sandbox.Kernel;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Network;

/// <summary>Links, addresses and routes of one network namespace, by rtnetlink.</summary>
internal sealed unsafe class Links : IDisposable
{
    private readonly Descriptor _socket;
    private readonly byte[] _answer = new byte[16 * 1024];
    private uint _sequence;

    private Links(Descriptor socket) => _socket = socket;

    private const int LoopbackIndex = 1;

    /// <summary>Opens the links of a network namespace. A socket belongs to the namespace in which it was made.</summary>
    /// <param name="network">The namespace; null for the calling thread's.</param>
    public static Links Of(Descriptor? network)
    {
        if (network is null)
        {
            return new Links(new Descriptor(KernelException.Check(Libc.Socket(Netlink, Raw | SocketCloseOnExec, 0), "open rtnetlink")));
        }

        return NetworkNamespaces.Within(network, () => Of(null));
    }

    public void BringLoopbackUp() => BringUp(LoopbackIndex);

    public void BringUp(int index) => Send(new NetlinkMessage(SetLink, 0).Link(index, Up), "bring a device up");

    /// <summary>Makes a bridge; returns its index.</summary>
    public int AddBridge(string name)
    {
        Send(
            new NetlinkMessage(NewLink, FlagCreate | FlagExclusive).Link(0, Up).Text(LinkName, name)
                .Nested(LinkInfo, info => info.Text(InfoKind, "bridge")),
            $"make the bridge {name}");
        return Index(name);
    }

    /// <summary>Makes a pair of connected devices: one here, the other in another namespace, still down: it cannot be up before it has its peer.</summary>
    /// <param name="name">The name of this end.</param>
    /// <param name="bridge">The index of the bridge that this end becomes a port of; 0 for none.</param>
    /// <param name="peerName">The name of the other end.</param>
    /// <param name="peerNetwork">The namespace of the other end.</param>
    public void AddPair(string name, int bridge, string peerName, Descriptor peerNetwork)
    {
        var message = new NetlinkMessage(NewLink, FlagCreate | FlagExclusive).Link(0, Up).Text(LinkName, name);
        if (bridge != 0)
        {
            message.Number(LinkMaster, (uint)bridge);
        }

        message.Nested(LinkInfo, info => info.Text(InfoKind, "veth").Nested(InfoData, data => data.Nested(VethPeer, peer =>
            peer.Link(0, 0).Text(LinkName, peerName).Number(LinkNetworkDescriptor, (uint)peerNetwork.Number))));
        Send(message, $"make the device pair {name}");
    }

    public void AddAddress(int index, uint address, byte prefixLength) => Send(
        new NetlinkMessage(NewAddress, FlagCreate | FlagReplace).AddressHeader(prefixLength, index).Address(AddressLocal, address).Address(AddressAddress, address),
        "set an address");

    public void AddAddress(int index, UInt128 address, byte prefixLength) => Send(
        new NetlinkMessage(NewAddress, FlagCreate | FlagReplace).AddressHeader(prefixLength, index, ofVersion6: true).Address(AddressLocal, address).Address(AddressAddress, address),
        "set an IPv6 address");

    /// <summary>Adds an IPv6 route; prefix length 0 makes it the default.</summary>
    public void AddRoute(UInt128 destination, byte prefixLength, UInt128 gateway, int index)
    {
        var message = new NetlinkMessage(NewRoute, FlagCreate | FlagReplace).RouteHeader(prefixLength, ofVersion6: true);
        if (prefixLength > 0)
        {
            message.Address(RouteDestination, destination);
        }

        Send(message.Address(RouteGateway, gateway).Number(RouteDevice, (uint)index), "set an IPv6 route");
    }

    /// <summary>Adds a route; prefix length 0 makes it the default.</summary>
    public void AddRoute(uint destination, byte prefixLength, uint gateway, int index)
    {
        var message = new NetlinkMessage(NewRoute, FlagCreate | FlagReplace).RouteHeader(prefixLength);
        if (prefixLength > 0)
        {
            message.Address(RouteDestination, destination);
        }

        Send(message.Address(RouteGateway, gateway).Number(RouteDevice, (uint)index), "set a route");
    }

    /// <summary>The index of a link.</summary>
    public int Index(string name)
    {
        var answer = Send(new NetlinkMessage(GetLink, 0).Link(0, 0).Text(LinkName, name), $"find the link {name}");
        return BinaryPrimitives.ReadInt32LittleEndian(answer[(NetlinkMessage.HeaderLength + 4)..]);
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Sends a request and reads its answers to the acknowledgement; returns the first.</summary>
    private ReadOnlySpan<byte> Send(NetlinkMessage message, string action)
    {
        var request = message.Finish(++_sequence);
        fixed (byte* start = request)
        {
            KernelException.Check(Libc.Send(_socket.Number, start, (nuint)request.Length, 0), action);
        }

        var first = Receive(action);
        if (BinaryPrimitives.ReadUInt16LittleEndian(first[4..]) == TypeError)
        {
            var error = -BinaryPrimitives.ReadInt32LittleEndian(first[NetlinkMessage.HeaderLength..]);
            return error == 0 ? first : throw KernelException.FromErrorNumber(action, error);
        }

        // A link's description is followed by the acknowledgement, in the same datagram or the next.
        var length = (BinaryPrimitives.ReadInt32LittleEndian(first) + 3) & ~3;
        var copy = first[..length].ToArray();
        if (first.Length == length)
        {
            Receive(action);
        }

        return copy;
    }

    private ReadOnlySpan<byte> Receive(string action)
    {
        fixed (byte* start = _answer)
        {
            return _answer.AsSpan(0, KernelException.Check(Libc.Receive(_socket.Number, start, (nuint)_answer.Length, 0), action));
        }
    }

    private const ushort NewLink = 16, GetLink = 18, SetLink = 19, NewAddress = 20, NewRoute = 24, TypeError = 2;
    private const ushort FlagReplace = 0x100, FlagExclusive = 0x200, FlagCreate = 0x400;
    private const uint Up = 1;
    private const ushort LinkName = 3, LinkMaster = 10, LinkInfo = 18, LinkNetworkDescriptor = 28, InfoKind = 1, InfoData = 2, VethPeer = 1;
    private const ushort AddressAddress = 1, AddressLocal = 2, RouteDestination = 1, RouteDevice = 4, RouteGateway = 5;
}

/// <summary>Enters network namespaces with one thread, and comes back.</summary>
internal static class NetworkNamespaces
{
    public static T Within<T>(Descriptor network, Func<T> action)
    {
        using var home = Descriptor.Open("/proc/thread-self/ns/net", ReadOnly);
        KernelException.Check(Libc.SetNamespace(network.Number, NewNetwork), "enter a network namespace");
        try
        {
            return action();
        }
        finally
        {
            KernelException.Check(Libc.SetNamespace(home.Number, NewNetwork), "leave a network namespace");
        }
    }

    /// <summary>Makes a network namespace that belongs to the host's user namespace.</summary>
    public static Descriptor Make()
    {
        using var home = Descriptor.Open("/proc/thread-self/ns/net", ReadOnly);
        KernelException.Check(Libc.Unshare(NewNetwork), "make a network namespace");
        var made = Descriptor.Open("/proc/thread-self/ns/net", ReadOnly);
        KernelException.Check(Libc.SetNamespace(home.Number, NewNetwork), "leave a network namespace");
        return made;
    }
}
