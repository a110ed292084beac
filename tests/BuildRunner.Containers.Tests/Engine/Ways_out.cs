using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using BuildRunner.Containers.Engine;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What a step reaches through the host, and what it does not, in both versions of the protocol.</summary>
public sealed class Ways_out
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Lead_to_the_world_and_to_nothing_that_is_nearer(int version)
    {
        Assert.SkipUnless(NearbyMachine.HostHasIPv6, "IPv6 is switched off on this host");
        await using var host = OciHost.Create(o => o.Network.IPv6 = true);
        using var machine = await NearbyMachine.StartAsync();
        using var service = new TcpListener(IPAddress.Parse(machine.Host[version]), 0);
        service.Start();
        var own = $"{new Uri(NearbyMachine.PageAt(machine.Host[version])).Host}:{((IPEndPoint)service.LocalEndpoint).Port}";
        string[] pages = [NearbyMachine.PageAt(machine.World[version]), NearbyMachine.PageAt(machine.Private[version]), NearbyMachine.PageAt(machine.LinkLocal[version]), $"http://{own}/"];

        // The host itself reaches all of them: what refuses the step is a rule, and not a missing route.
        using var client = new HttpClient();
        foreach (var page in pages[..3])
        {
            Assert.Equal("page", await AskAsync(client, page));
        }

        var script = string.Join('\n', pages.Select(p => $"timeout 20 wget -q -O - {p} 2>/dev/null || echo refused; echo"));
        Assert.Equal("page,refused,refused,refused", string.Join(',', (await RunAsync(host, script)).Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.False(service.Pending(), "the step reached the host");
    }

    [Fact]
    public async Task Of_version_6_are_there_where_the_host_has_one_only()
    {
        const string addresses = "ip -6 address show dev eth0 scope global | grep -c inet6";
        Assert.SkipUnless(NearbyMachine.HostHasIPv6, "IPv6 is switched off on this host");
        await using var with = OciHost.Create(o => o.Network.IPv6 = true);
        Assert.Equal("1\n", await RunAsync(with, addresses));
        await using var without = OciHost.Create(o => o.Network.IPv6 = false);
        Assert.Equal("0\n", await RunAsync(without, addresses));
    }

    [Fact]
    public async Task To_the_name_servers_of_one_installation_stay_open_when_another_with_others_comes_to_the_host()
    {
        Assert.SkipUnless(NearbyMachine.HostHasIPv6, "IPv6 is switched off on this host");
        using var machine = await NearbyMachine.StartAsync();
        await using var first = OciHost.Create(o => o.Network.NameServers = [machine.Private[0]]);
        await using var second = OciHost.Create(o => o.Network.NameServers = [machine.LinkLocal[0]]);
        await using var early = await first.CreateGroupAsync();
        await using var late = await second.CreateGroupAsync();
        var table = await TablesAsync();

        // Nobody listens there: the machine's own refusal shows that the packet came to it, "no route" that a rule of ours was before it.
        var ask = string.Join('\n', ((string[])[$"{machine.Private[0]}:53", $"{machine.LinkLocal[0]}:53", $"{machine.Private[0]}:{NearbyMachine.Port}"])
            .Select(a => $"timeout 60 wget -q -O - http://{a}/page 2>&1 | grep -o -e refused -e 'No route' -e page || echo nothing"));
        foreach (var group in new[] { early, late })
        {
            var output = new OutputRecorder();
            await group.RunAsync(await group.PrepareAsync(first.Shell(ask), Stop), StartSpec.AsPrepared, output, Stop);

            // Another version of BuildRunner that begins a workflow on this host in this moment puts its own rules in the place of these.
            Assert.SkipUnless(table == await TablesAsync(), "another version of BuildRunner is at work on this host");
            Assert.Equal("refused\nrefused\nNo route\n", output.Out);
        }
    }

    [Fact]
    public async Task To_the_name_servers_of_an_installation_bring_their_answers()
    {
        Assert.SkipUnless(NearbyMachine.HostHasIPv6, "IPv6 is switched off on this host");
        using var machine = await NearbyMachine.StartAsync();
        await using var names = NameServer.Start(machine.Host[0], "machine.test", machine.World[0]);
        await using var host = OciHost.Create(o => o.Network.NameServers = [machine.Host[0]]);
        Assert.Equal("page", await RunAsync(host, $"wget -q -O - http://machine.test:{NearbyMachine.Port}/page"));
        Assert.True(names.Asked > 0);
        Assert.Equal("unknown\n", await RunAsync(host, $"wget -q -O - http://other.test:{NearbyMachine.Port}/page 2>/dev/null || echo unknown"));
    }

    private static async Task<string> TablesAsync()
    {
        using var nft = Process.Start(new ProcessStartInfo("nft", ["list", "tables"]) { RedirectStandardOutput = true })!;
        var tables = await nft.StandardOutput.ReadToEndAsync(Stop);
        await nft.WaitForExitAsync(Stop);
        return string.Join('\n', tables.Split('\n').Where(t => t.Contains("buildrunner_", StringComparison.Ordinal)));
    }

    /// <summary>The machine may still be starting: it is asked until it answers.</summary>
    private static async Task<string> AskAsync(HttpClient client, string page)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await client.GetStringAsync(new Uri(page), Stop);
            }
            catch (HttpRequestException) when (attempt < 300)
            {
                await Task.Delay(100, Stop);
            }
        }
    }

    private static async Task<string> RunAsync(OciHost host, string script)
    {
        await using var group = await host.CreateGroupAsync();
        var output = new OutputRecorder();
        await group.RunAsync(await group.PrepareAsync(host.Shell(script), Stop), StartSpec.AsPrepared, output, Stop);
        return output.Out;
    }
}
