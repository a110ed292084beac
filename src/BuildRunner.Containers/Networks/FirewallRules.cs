namespace BuildRunner.Containers.Networks;

/// <summary>What the packet filter lets through between containers, the host and the world, in the language of <c>nft -f</c>.</summary>
/// <remarks>
/// One table for all groups with these rules. Each group has one device on the host; its name begins with <c>brg</c> and four letters of the rules,
/// <c>@DEVICES@</c> here, so that installations of other versions or settings have tables of their own. What would go to the host, to another group,
/// of whatever version, to link-local addresses (where clouds answer with credentials) or, unless allowed, to private networks is refused; so is every
/// connection to a group from outside. Both versions of the protocol have the same rules; IPv6 also has addresses that stand for those of
/// version 4, which could lead past the rules of that, whatever is allowed. Some clouds answer at addresses that are not link-local: Azure's,
/// Alibaba's, Oracle's, Amazon's, Google's and Scaleway's are among those that are refused. Where only some destinations are allowed, they are beside name servers
/// the only ones, private ones too if they are named; the host, other groups and link-local addresses stay refused.
/// </remarks>
internal static class FirewallRules
{
    private const string LinkLocal = "169.254.0.0/16, 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/4, 240.0.0.0/4, 168.63.129.16, 100.100.100.200, 192.0.0.192";
    private const string Private = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 198.18.0.0/15";
    private const string LinkLocal6 = "::/64, ::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48, 2002::/16, 2001::/32, fe80::/10, ff00::/8, "
        + "fd00:ec2::254, fd00:ec2::23, fd20:ce::254, fd00:c1::a9fe:a9fe, fd00:42::42";
    private const string Private6 = "fc00::/7, fec0::/10";

    /// <summary>The rules; <c>@TABLE@</c> stands for the table's name.</summary>
    /// <param name="options">How containers are connected.</param>
    /// <param name="host">Addresses of the host: where these rules are not in the host's own network, its addresses are some among all others.</param>
    public static string Create(NetworkOptions options, IReadOnlyList<string> host)
    {
        var ofHost = host.Count == 0 ? "" : $"ip daddr {{ {string.Join(", ", host)} }} reject with icmp type admin-prohibited";
        const string refuse = "reject with icmp type admin-prohibited", refuse6 = "reject with icmpv6 type admin-prohibited";
        var rest = options.Destinations is { } allowed ? [.. allowed.Select(d => d.ToRule()), $"meta nfproto ipv6 {refuse6}", refuse]
            : options.AllowPrivateAddresses ? Array.Empty<string>()
            : [$"ip daddr {{ {Private} }} {refuse}", $"ip6 daddr {{ {Private6} }} {refuse6}"];
        return $$"""
            table inet @TABLE@ {
              chain translate {
                type nat hook postrouting priority srcnat
                ip saddr {{options.Pool}} oifname != "brg*" masquerade
                ip6 saddr {{options.Pool6}} oifname != "brg*" masquerade
              }
              chain names {
              }
              chain pass {
                type filter hook forward priority filter
                iifname "@DEVICES@*" jump out
                oifname "@DEVICES@*" ct state established,related accept
                oifname "@DEVICES@*" drop
              }
              chain out {
                ct state established,related accept
                oifname "brg*" drop
                ip6 saddr != {{options.Pool6}} drop
                ip saddr != {{options.Pool}} drop
                jump names
                {{ofHost}}
                ip daddr { {{LinkLocal}} } reject with icmp type admin-prohibited
                ip6 daddr { {{LinkLocal6}} } reject with icmpv6 type admin-prohibited
                {{string.Join("\n                ", rest)}}
              }
              chain host {
                type filter hook input priority filter
                iifname "@DEVICES@*" jump tohost
              }
              chain tohost {
                ct state established,related accept
                jump names
                icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept
                meta nfproto ipv6 reject with icmpv6 type admin-prohibited
                reject with icmp type admin-prohibited
              }
            }

            """;
    }

    /// <summary>The way to name servers, whatever their addresses: what is added to the rules for each list of them; <c>@NAMES@</c> stands for the list's chain.</summary>
    /// <remarks>Several installations on a host may have different ones. Each adds its own, so that none takes those of another's groups away; all groups may then ask all of them.</remarks>
    public static string CreateNames(IReadOnlyList<string> nameServers) =>
        $$"""
        table inet @TABLE@ {
          chain @NAMES@ {
            {{Names("ip", nameServers.Where(s => !s.Contains(':')))}}
            {{Names("ip6", nameServers.Where(s => s.Contains(':')))}}
          }
          chain names {
            jump @NAMES@
          }
        }

        """;

    private static string Names(string family, IEnumerable<string> servers)
    {
        var all = string.Join(", ", servers);
        return all.Length == 0 ? "" : $"{family} daddr {{ {all} }} meta l4proto {{ tcp, udp }} th dport 53 accept";
    }
}
