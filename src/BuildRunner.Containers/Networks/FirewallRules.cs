namespace BuildRunner.Containers.Networks;

/// <summary>What the packet filter lets through between containers, the host and the world, in the language of <c>nft -f</c>.</summary>
/// <remarks>
/// One table for all groups. Each group has one device on the host, whose name starts with <c>brg</c>. What would go to the host, to another
/// group, to link-local addresses (where clouds answer with credentials) or, unless allowed, to private networks is refused; so is every
/// connection to a group from outside.
/// </remarks>
internal static class FirewallRules
{
    private const string LinkLocal = "169.254.0.0/16, 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4, 240.0.0.0/4";
    private const string Private = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 198.18.0.0/15";

    /// <summary>The rules; <c>@TABLE@</c> stands for the table's name.</summary>
    public static string Create(NetworkOptions options, IReadOnlyList<string> nameServers)
    {
        var resolvers = nameServers.Where(s => !s.Contains(':')).ToList();
        var names = resolvers.Count == 0 ? "" : $"ip daddr {{ {string.Join(", ", resolvers)} }} meta l4proto {{ tcp, udp }} th dport 53 accept";
        var privateAddresses = options.AllowPrivateAddresses ? "" : $"ip daddr {{ {Private} }} reject with icmp type admin-prohibited";
        return $$"""
            table inet @TABLE@ {
              chain translate {
                type nat hook postrouting priority srcnat
                ip saddr {{options.Pool}} oifname != "brg*" masquerade
              }
              chain pass {
                type filter hook forward priority filter
                iifname "brg*" jump out
                oifname "brg*" ct state established,related accept
                oifname "brg*" drop
              }
              chain out {
                ct state established,related accept
                oifname "brg*" drop
                meta nfproto ipv6 drop
                ip saddr != {{options.Pool}} drop
                {{names}}
                ip daddr { {{LinkLocal}} } reject with icmp type admin-prohibited
                {{privateAddresses}}
              }
              chain host {
                type filter hook input priority filter
                iifname "brg*" jump tohost
              }
              chain tohost {
                ct state established,related accept
                {{names}}
                meta nfproto ipv6 drop
                reject with icmp type admin-prohibited
              }
            }

            """;
    }
}
