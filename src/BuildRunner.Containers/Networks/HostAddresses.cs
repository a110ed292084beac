using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace BuildRunner.Containers.Networks;

/// <summary>The IPv4 addresses of this host, at which its own services answer.</summary>
internal static class HostAddresses
{
    /// <summary>Those of all devices, but loopback's.</summary>
    public static IReadOnlyList<string> All() =>
    [
        .. NetworkInterface.GetAllNetworkInterfaces().SelectMany(d => d.GetIPProperties().UnicastAddresses).Select(a => a.Address)
            .Where(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a)).Select(a => a.ToString()).Distinct(),
    ];
}
