using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace BuildRunner.Containers.Networks;

/// <summary>What may be reached: an address or a network, and of it one port, several in a row, or all.</summary>
/// <param name="Network">A single address is a network of one.</param>
/// <param name="First">The first port; 0: all, and every protocol.</param>
/// <param name="Last">The last port.</param>
internal sealed record Destination(IPNetwork Network, int First, int Last)
{
    private const string Form = "name an address or a network, with a port or a range of ports behind it if only that is meant: 192.0.2.7, 192.0.2.0/24:443, [2001:db8::/32]:8000-8100";

    /// <summary>Reads one; null with the problem as a clause.</summary>
    public static Destination? Parse(string text, out string problem)
    {
        var (network, ports) = Split(text);
        problem = Form;
        if (ToNetwork(network) is not { } found)
        {
            problem = network.Any(char.IsAsciiLetter) && network.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' or '*')
                ? $"names are not taken, because whoever answers for a name says each time what it stands for, and an address serves many names; {Form}. For names, allow the address of a proxy that knows them"
                : Form;
            return null;
        }

        if (ports is null)
        {
            return new Destination(found, 0, 0);
        }

        var ends = ports.Split('-');
        var first = Port(ends[0]);
        var last = ends.Length == 2 ? Port(ends[1]) : first;
        return ends.Length <= 2 && first > 0 && last >= first ? new Destination(found, first, last) : null;
    }

    /// <summary>The rule that lets it through.</summary>
    public string ToRule()
    {
        var family = Network.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 ? "ip6" : "ip";
        var ports = First == 0 ? "" : $" meta l4proto {{ tcp, udp }} th dport {First}-{Last}";
        return $"{family} daddr {Network}{ports} accept";
    }

    // Of an address of version 6 the colons are part, so with a port it stands in brackets.
    private static (string Network, string? Ports) Split(string text)
    {
        if (text.StartsWith('[') && text.IndexOf(']') is var end and > 0)
        {
            var rest = text[(end + 1)..];
            return (text[1..end], rest.Length == 0 ? null : rest[0] == ':' ? rest[1..] : "");
        }

        var colon = text.IndexOf(':');
        return colon >= 0 && colon == text.LastIndexOf(':') ? (text[..colon], text[(colon + 1)..]) : (text, null);
    }

    private static IPNetwork? ToNetwork(string text)
    {
        // What the system takes for an address in short forms, as 10 or 010.1, is more likely a mistake.
        var address = text.Split('/')[0];
        if (!IPAddress.TryParse(address, out var parsed) || (parsed.AddressFamily == AddressFamily.InterNetwork && parsed.ToString() != address) || address.Contains('%', StringComparison.Ordinal))
        {
            return null;
        }

        var length = parsed.AddressFamily == AddressFamily.InterNetworkV6 ? 128 : 32;
        return IPNetwork.TryParse(text.Contains('/', StringComparison.Ordinal) ? text : $"{text}/{length}", out var network) ? network : null;
    }

    private static int Port(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= ushort.MaxValue ? port : 0;
}
