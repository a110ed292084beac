using System.Net;
using System.Net.Sockets;

namespace BuildRunner.Containers.Networks;

/// <summary>How the containers of the embedded engine are connected.</summary>
public sealed class NetworkOptions
{
    /// <summary>The addresses that groups get, 256 each. It must not be in use on this host or where containers shall reach.</summary>
    public string Pool { get; set; } = "10.231.0.0/16";

    /// <summary>True: containers reach the world through this host, with the host's address.</summary>
    public bool Uplink { get; set; } = true;

    /// <summary>True: also addresses of private networks (RFC 1918 and the like). Never the host itself, and never link-local ones.</summary>
    public bool AllowPrivateAddresses { get; set; }

    /// <summary>Name servers of containers; empty: those of the host.</summary>
    public IReadOnlyList<string> NameServers { get; set; } = [];

    internal IPNetwork PoolNetwork => IPNetwork.Parse(Pool);

    /// <summary>The pool's first address as a number, its highest byte first.</summary>
    internal uint PoolAddress => ToNumber(PoolNetwork.BaseAddress);

    /// <summary>How many groups can live at once.</summary>
    internal int Slots => Math.Min(1 << (24 - PoolNetwork.PrefixLength), 4096);

    internal IEnumerable<string> Problems()
    {
        if (!IPNetwork.TryParse(Pool, out var pool) || pool.BaseAddress.AddressFamily != AddressFamily.InterNetwork || pool.PrefixLength is < 8 or > 23)
        {
            yield return $"{nameof(Pool)} '{Pool}' must be an IPv4 network with a prefix length of 8 to 23, as 10.231.0.0/16.";
        }

        foreach (var server in NameServers.Where(s => !IPAddress.TryParse(s, out _)))
        {
            yield return $"{nameof(NameServers)} has '{server}', which is not an address.";
        }
    }

    private static uint ToNumber(IPAddress address) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes());
}
