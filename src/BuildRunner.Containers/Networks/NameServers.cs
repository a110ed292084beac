using System.Net;
using System.Net.Sockets;

namespace BuildRunner.Containers.Networks;

/// <summary>Which name servers a container asks.</summary>
internal static class NameServers
{
    /// <summary>Where <c>slirp4netns</c> answers for the host's name servers.</summary>
    public const string OfSlirp = "10.0.2.3";

    /// <summary>The host's name servers that are not the host itself, which containers cannot reach.</summary>
    /// <param name="withVersion6">True: also those with IPv6 addresses.</param>
    public static IReadOnlyList<string> OfHost(bool withVersion6)
    {
        // With systemd-resolved the first file names a server on the loopback device, and the second what that one asks.
        foreach (var file in (string[])["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"])
        {
            var servers = Read(file, withVersion6);
            if (servers.Count > 0)
            {
                return servers;
            }
        }

        return [];
    }

    /// <summary>The content of a container's <c>/etc/resolv.conf</c>.</summary>
    public static string ResolvConf(IReadOnlyList<string> servers, IReadOnlyList<string> searchDomains)
    {
        var search = searchDomains.Count > 0 ? $"search {string.Join(' ', searchDomains)}\n" : "";
        return search + string.Concat(servers.Select(s => $"nameserver {s}\n"));
    }

    private static List<string> Read(string file, bool withVersion6)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(file);
        }
        catch (IOException)
        {
            // A host without the file has no name server to hand on.
            return [];
        }

        return [.. lines.Select(l => l.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
            .Where(w => w is ["nameserver", ..] && w.Length > 1 && IPAddress.TryParse(w[1], out var a) && (a.AddressFamily == AddressFamily.InterNetwork || withVersion6) && !IPAddress.IsLoopback(a) && !a.IsIPv6LinkLocal)
            .Select(w => w[1])];
    }
}
