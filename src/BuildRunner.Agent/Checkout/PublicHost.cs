using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Checkout;

/// <summary>Where strangers' code may send this machine: what a step of theirs could reach too, and nothing that is nearer (docs/decisions/0196).</summary>
internal static class PublicHost
{
    private static readonly IPNetwork[] Near =
    [
        .. ((string[])["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"])
            .Select(n => IPNetwork.Parse(n)),
    ];

    // All that is given out lies in the first; the others stand for addresses of version 4.
    private static readonly IPNetwork Given6 = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork[] Translated6 = [IPNetwork.Parse("2001::/32"), IPNetwork.Parse("2002::/16")];

    /// <summary>The address at which a source is asked for, and nowhere else; null: a proxy finds it, whose rules count.</summary>
    /// <exception cref="ContainerException">It is nowhere, or not where a stranger may send this machine.</exception>
    public static async Task<IPAddress?> FindAsync(SourceUrl url, CancellationToken cancellationToken)
    {
        var uri = new Uri(url.Text);
        if (url.Kind == SourceKind.Https && HttpClient.DefaultProxy.GetProxy(uri) is { } proxy && proxy != uri)
        {
            return null;
        }

        IPAddress[] found;
        try
        {
            found = await Dns.GetHostAddressesAsync(uri.IdnHost.Trim('[', ']'), cancellationToken);
        }
        catch (SocketException unknown)
        {
            throw new ContainerException(ContainerFailure.Internal, $"the source {url.Text} could not be had: its host is not found ({unknown.Message})", innerException: unknown);
        }

        var own = NetworkInterface.GetAllNetworkInterfaces().SelectMany(d => d.GetIPProperties().UnicastAddresses).Select(a => a.Address).ToList();
        return found.FirstOrDefault(a => IsPublic(a) && !own.Contains(a)) ?? throw new ContainerException(
            ContainerFailure.AccessDenied,
            $"the source {url.Text} is not fetched in a stranger's run: its host is at {string.Join(", ", found.Select(a => a.ToString()))}, which is private or this machine, and the code that names it is not trusted to send the agent there");
    }

    /// <summary>Whether an address is one of the world's.</summary>
    public static bool IsPublic(IPAddress address)
    {
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return address.AddressFamily == AddressFamily.InterNetwork ? !Near.Any(n => n.Contains(address))
            : Given6.Contains(address) && !Translated6.Any(n => n.Contains(address));
    }
}
