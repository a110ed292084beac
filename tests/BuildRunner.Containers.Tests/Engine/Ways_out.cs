using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
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

    /// <summary>Addresses at which clouds answer that are not link-local, and such as stand for others of version 4: a translator on the way would ask those.</summary>
    [Fact]
    public async Task Lead_to_no_answers_of_clouds_and_around_no_rule_where_private_networks_are_open()
    {
        Assert.SkipUnless(NearbyMachine.HostHasIPv6, "IPv6 is switched off on this host");
        await using var host = OciHost.Create(o => (o.Network.IPv6, o.Network.AllowPrivateAddresses, o.Network.Pool) = (true, true, AnyPool()));
        using var machine = await NearbyMachine.StartAsync();
        string[] refused =
        [
            machine.LinkLocal[0], machine.LinkLocal[1], "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::23", "fd00:c1::a9fe:a9fe", "fd00:42::42",
            "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::1", "2001:0:a9fe:a9fe::1",
        ];
        refused[2..].ToList().ForEach(machine.Add);
        using var client = new HttpClient();
        string[] all = [machine.Private[0], machine.Private[1], .. refused];
        foreach (var address in all)
        {
            Assert.Equal("page", await AskAsync(client, NearbyMachine.PageAt(address)));
        }

        var script = string.Join('\n', all.Select(a => $"timeout 60 wget -q -O - {NearbyMachine.PageAt(a)} 2>/dev/null || printf refused; echo ' {a}'"));
        Assert.Equal(all.Select((a, at) => $"{(at < 2 ? "page" : "refused")} {a}"), (await RunAsync(host, script)).Split('\n', StringSplitOptions.RemoveEmptyEntries));
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

        // Nobody listens there: the machine's own refusal shows that the packet came to it, "no route" that a rule of ours was before it.
        var ask = string.Join('\n', ((string[])[$"{machine.Private[0]}:53", $"{machine.LinkLocal[0]}:53", $"{machine.Private[0]}:{NearbyMachine.Port}"])
            .Select(a => $"timeout 60 wget -q -O - http://{a}/page 2>&1 | grep -o -e refused -e 'No route' -e page || echo nothing"));
        foreach (var group in new[] { early, late })
        {
            var output = new OutputRecorder();
            await group.RunAsync(await group.PrepareAsync(first.Shell(ask), Stop), StartSpec.AsPrepared, output, Stop);

            await NoOldVersionAsync();
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

    [Fact]
    public async Task Of_installations_with_different_rules_stay_as_each_of_them_has_them_and_rules_without_a_group_go()
    {
        Assert.SkipUnless(NearbyMachine.HostHasIPv6, "IPv6 is switched off on this host");
        using var machine = await NearbyMachine.StartAsync();
        var script = $"timeout 60 wget -q -O - {NearbyMachine.PageAt(machine.Private[0])} 2>/dev/null || echo refused";
        await using var strict = OciHost.Create();
        await using var open = OciHost.Create(o => (o.Network.AllowPrivateAddresses, o.Network.Pool) = (true, AnyPool()));
        await using var early = await strict.CreateGroupAsync();
        var before = await TablesAsync();
        string ofOpen;
        await using (var other = await open.CreateGroupAsync())
        {
            await using var late = await strict.CreateGroupAsync();
            ofOpen = Assert.Single((await TablesAsync()).Except(before), t => t.StartsWith("buildrunner.", StringComparison.Ordinal));
            Assert.Equal("refused\n", await RunAsync(strict, early, script));
            await NoOldVersionAsync();
            Assert.Equal("page", await RunAsync(open, other, script));
            Assert.Equal("refused\n", await RunAsync(strict, late, script));

            // Nor do groups of different rules reach each other.
            var said = new OutputRecorder();
            await early.StartServiceAsync(strict.Shell("mkdir /srv && echo theirs > /srv/page && ip -4 -o address show dev eth0 | awk '{ print \"at \" $4 \" up\" }'; exec httpd -f -p 8080 -h /srv", "page"), said, Stop);
            await said.Contains(" up\n");
            var address = said.Out.Split(' ')[1].Split('/')[0];
            Assert.Equal("theirs\n", await RunAsync(strict, early, $"until wget -q -O - http://{address}:8080/page; do sleep 0.1; done"));
            Assert.Equal("nothing\n", await RunAsync(open, other, $"timeout 5 wget -q -O - http://{address}:8080/page 2>/dev/null || echo nothing"));
        }

        await UntilGoneAsync(ofOpen);
        await using var third = OciHost.Create(o => o.Network.Pool = AnyPool());
        await using var more = await third.CreateGroupAsync();
        var left = await TablesAsync();
        Assert.DoesNotContain(ofOpen, left);
        Assert.Equal("refused\n", await RunAsync(strict, early, script));
        Assert.Contains(before, left.Contains);
    }

    /// <summary>Skips the test beside a version whose rules held for the devices of all versions, and know neither name servers nor pools of this test.</summary>
    private static async Task NoOldVersionAsync() =>
        Assert.SkipUnless((await TablesAsync()).All(t => !t.StartsWith("buildrunner_", StringComparison.Ordinal)), "an old version of BuildRunner is at work on this host");

    /// <summary>One that nobody else has, and its rules neither.</summary>
    private static string AnyPool() => $"10.{RandomNumberGenerator.GetInt32(128, 190)}.{RandomNumberGenerator.GetInt32(8) * 32}.0/19";

    /// <summary>The kernel takes devices of the dead away in its own time.</summary>
    private static async Task UntilGoneAsync(string table)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var devices = "brg" + string.Concat(table[^4..].Select(c => (char)('g' + Convert.ToInt32($"{c}", 16)))) + "*";
        while (Directory.GetDirectories("/sys/class/net", devices).Length > 0)
        {
            await Task.Delay(20, limit.Token);
        }
    }

    private static async Task<string[]> TablesAsync()
    {
        using var nft = Process.Start(new ProcessStartInfo("nft", ["list", "tables"]) { RedirectStandardOutput = true })!;
        var tables = await nft.StandardOutput.ReadToEndAsync(Stop);
        await nft.WaitForExitAsync(Stop);
        return [.. tables.Split('\n').Where(t => t.StartsWith("table inet buildrunner", StringComparison.Ordinal)).Select(t => t["table inet ".Length..].Trim())];
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
        return await RunAsync(host, group, script);
    }

    private static async Task<string> RunAsync(OciHost host, IContainerGroup group, string script)
    {
        var output = new OutputRecorder();
        await group.RunAsync(await group.PrepareAsync(host.Shell(script), Stop), StartSpec.AsPrepared, output, Stop);
        return output.Out;
    }
}
