using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace BuildRunner.Containers.Networks;

/// <summary>How the containers of the embedded engine are connected.</summary>
public sealed class NetworkOptions
{
    /// <summary>The addresses that groups get, 256 each. It must not be in use on this host or where containers shall reach.</summary>
    public string Pool { get; set; } = "10.231.0.0/16";

    /// <summary>The IPv6 addresses that groups get, a /64 each. Of a unique local prefix: the way out has the host's address.</summary>
    public string Pool6 { get; set; } = "fd8b:5c1d:72e6::/48";

    /// <summary>Whether groups have IPv6; null: where the host has it, with an address and a default route.</summary>
    public bool? IPv6 { get; set; }

    /// <summary>True: containers reach the world through this host, with the host's address.</summary>
    public bool Uplink { get; set; } = true;

    /// <summary>True: also addresses of private networks (RFC 1918 and the like). Never the host itself, and never link-local ones.</summary>
    public bool AllowPrivateAddresses { get; set; }

    /// <summary>Name servers of containers; empty: those of the host.</summary>
    public IReadOnlyList<string> NameServers { get; set; } = [];

    /// <summary>What containers reach beside name servers, and nothing else; null: all that is allowed above.</summary>
    internal IReadOnlyList<Destination>? Destinations { get; private set; }

    /// <summary>The same, with a way out to these destinations only; to nowhere if there are none.</summary>
    internal NetworkOptions Only(IEnumerable<string> destinations)
    {
        var copy = (NetworkOptions)MemberwiseClone();
        copy.Destinations = [.. destinations.Select(d => Destination.Parse(d, out _)).OfType<Destination>()];
        copy.Uplink = Uplink && copy.Destinations.Count > 0;
        return copy;
    }

    internal IPNetwork PoolNetwork => IPNetwork.Parse(Pool);

    /// <summary>The pool's first address as a number, its highest byte first.</summary>
    internal uint PoolAddress => ToNumber(PoolNetwork.BaseAddress);

    /// <summary>The first IPv6 address of the pool likewise; 0: groups have none.</summary>
    internal UInt128 PoolAddress6 => Uplink && (IPv6 ?? HostIPv6.IsThere()) ? BinaryPrimitives.ReadUInt128BigEndian(IPNetwork.Parse(Pool6).BaseAddress.GetAddressBytes()) : 0;

    /// <summary>How many groups can live at once.</summary>
    internal int Slots => Math.Min(1 << (24 - PoolNetwork.PrefixLength), 4096);

    internal IEnumerable<string> Problems()
    {
        if (!IPNetwork.TryParse(Pool, out var pool) || pool.BaseAddress.AddressFamily != AddressFamily.InterNetwork || pool.PrefixLength is < 8 or > 23)
        {
            yield return $"{nameof(Pool)} '{Pool}' must be an IPv4 network with a prefix length of 8 to 23, as 10.231.0.0/16.";
        }

        if (!IPNetwork.TryParse(Pool6, out var pool6) || pool6.BaseAddress.AddressFamily != AddressFamily.InterNetworkV6 || pool6.PrefixLength is < 16 or > 52)
        {
            yield return $"{nameof(Pool6)} '{Pool6}' must be an IPv6 network with a prefix length of 16 to 52, as fd8b:5c1d:72e6::/48.";
        }

        foreach (var server in NameServers.Where(s => !IPAddress.TryParse(s, out _)))
        {
            yield return $"{nameof(NameServers)} has '{server}', which is not an address.";
        }
    }

    private static uint ToNumber(IPAddress address) => BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());
}
