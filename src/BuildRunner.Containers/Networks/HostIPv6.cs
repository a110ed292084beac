using System.Globalization;

namespace BuildRunner.Containers.Networks;

/// <summary>Whether this host reaches the world by IPv6, as far as it can tell without asking anybody.</summary>
internal static class HostIPv6
{
    private const uint RejectFlag = 0x200;
    private const string GlobalScope = "00", AnyAddress = "00000000000000000000000000000000";

    /// <summary>True: it has an address that counts beyond a link, and a default route.</summary>
    /// <param name="addresses">The kernel's table of addresses.</param>
    /// <param name="routes">The kernel's table of routes.</param>
    public static bool IsThere(string addresses = "/proc/net/if_inet6", string routes = "/proc/net/ipv6_route") =>
        Lines(addresses).Any(a => a is [_, _, _, GlobalScope, ..] && a[^1] != "lo") && Lines(routes).Any(IsDefault);

    private static bool IsDefault(string[] route) =>
        route is [AnyAddress, "00", _, _, _, _, _, _, var flags, var device] && device != "lo"
        && uint.TryParse(flags, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var bits) && (bits & RejectFlag) == 0;

    private static string[][] Lines(string file)
    {
        try
        {
            return [.. File.ReadLines(file).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        }
        catch (Exception none) when (none is IOException or UnauthorizedAccessException)
        {
            // A kernel without IPv6.
            return [];
        }
    }
}
