using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using BuildRunner.Testing.Engine;

namespace BuildRunner.EndToEnd.Tests.Isolation;

/// <summary>The network of a step ends where the host begins.</summary>
public sealed class Network_of_a_step
{
    private const string Connect = """
        perl -MIO::Socket::INET -e 'for (@ARGV) { my ($host, $port) = split /:/; print "REACHED $_\n" if IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port, Timeout => 3); }'
        """;

    [Fact]
    public async Task The_host_metadata_and_other_workflows_are_out_of_reach()
    {
        using var host = new Sandboxed();
        using var listener = new TcpListener(IPAddress.Any, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var addresses = NetworkInterface.GetAllNetworkInterfaces().SelectMany(i => i.GetIPProperties().UnicastAddresses)
            .Select(a => a.Address).Where(a => a.AddressFamily == AddressFamily.InterNetwork).Select(a => $"{a}:{port}");
        var targets = string.Join(' ', addresses.Append("169.254.169.254:80"));
        var script = $"""
            {Sandboxed.Reveal}; set +e
            gateway=$(perl -ane 'print join ".", reverse map hex, unpack "(A2)*", $F[2] if $F[1] eq "00000000"' /proc/net/route)
            {Connect.Trim()} {targets} $gateway:{port} $gateway:22
            grep -a SomebodyElse /proc/net/unix; echo end
            """;
        using var abstractSocket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        abstractSocket.Bind(new UnixDomainSocketEndPoint($"\0SomebodyElse{port}"));
        abstractSocket.Listen();

        var run = await host.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("one", script)));

        Assert.True(run.Code == 0, run.All);
        Assert.Contains("one │ end\n", run.Error);
        Assert.DoesNotContain("│ REACHED", run.Error);
        Assert.DoesNotContain("│ 0000", run.Error);
        Assert.False(listener.Pending());
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Private_networks_are_open_only_where_a_setting_allows_them_and_the_host_is_not_even_then()
    {
        using var host = new Sandboxed();
        using var machine = await NearbyMachine.StartAsync();
        var pipeline = Sandboxed.Pipeline(Sandboxed.Step("one", $"{Sandboxed.Reveal}; set +e\n{Connect.Trim()} {machine.Private[0]}:{NearbyMachine.Port} {machine.LinkLocal[0]}:{NearbyMachine.Port} {machine.Host[0]}:22\necho end"));

        var closed = await host.RunAsync(pipeline);
        host.AllowPrivateNetworks = true;
        var open = await host.RunAsync(pipeline);

        Assert.True(closed.Code == 0 && open.Code == 0, closed.All + open.All);
        Assert.DoesNotContain("│ REACHED", closed.Error);
        Assert.Equal([$"│ REACHED {machine.Private[0]}:{NearbyMachine.Port}"], open.Error.Split('\n').Where(l => l.Contains("│ REACHED", StringComparison.Ordinal)).Select(l => l[l.IndexOf('│', StringComparison.Ordinal)..]));
        await host.NothingIsLeftAsync();
    }

    [Fact]
    public async Task A_workflow_does_not_reach_the_service_of_another()
    {
        using var first = new Sandboxed();
        using var second = new Sandboxed();
        const string serve = """
            perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(LocalPort => 7777, Listen => 5, ReuseAddr => 1) or die;
              if (!fork) { 1 while $s->accept; exit }
              print IO::Socket::INET->new(PeerAddr => "one", PeerPort => 7777, Timeout => 60) ? "answers\n" : "silent\n"; sleep 600'
            """;
        await using var serving = first.Start(Sandboxed.Pipeline(Sandboxed.Step("one", "grep -E '[[:space:]]one$' /etc/hosts\n" + serve)));
        var line = await serving.FindAsync(@"│ (10\.\S+)\s+one\n");
        await serving.SeesAsync("│ answers");

        var run = await second.RunAsync(Sandboxed.Pipeline(Sandboxed.Step("two", Sandboxed.Reveal + "\n" + Connect.Trim() + $" {line}:7777\necho end")));

        Assert.True(run.Code == 0, run.All);
        Assert.DoesNotContain("│ REACHED", run.Error);
        await second.NothingIsLeftAsync();
    }
}
