using System.Diagnostics;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Testing.Engine;
using static BuildRunner.Containers.Tests.Engine.WaitingProcesses;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>An engine that is told to keeps one group's holder and shim ready before anybody asks for a group.</summary>
public sealed class Groups_made_ready
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_group_is_made_of_what_was_ready_and_the_next_is_ready_once_a_step_has_started()
    {
        await using var host = Host();
        host.Engine.KeepReady();
        var ready = await ReadyAsync(host);
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));

        await using var group = await host.CreateGroupAsync(new WorkspaceSpec { BasePath = "/w", TreePath = "/w", SourceDirectory = Directory.CreateDirectory(host.Folder["tree"]).FullName, CopyOnWrite = true });
        Assert.Equal(ready["group"], HolderOf(host));
        Assert.Equal("0\n", await OutputAsync(host, group, "id -u; echo here >/w/file && grep -q eth0 /proc/net/dev"));

        var next = await ReadyAsync(host, besides: ready);
        Assert.DoesNotContain(next["group"], ready.Values);
        await using var other = await host.CreateGroupAsync();
        Assert.Equal("0\n", await OutputAsync(host, other, "id -u"));
    }

    [Theory]
    [InlineData("group")]
    [InlineData("shim")]
    public async Task What_was_killed_while_it_waited_is_made_anew(string verb)
    {
        await using var host = Host();
        host.Engine.KeepReady();
        var ready = await ReadyAsync(host);
        using (var victim = Process.GetProcessById(ready[verb]))
        {
            victim.Kill();
            await victim.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await using var group = await host.CreateGroupAsync();
        Assert.Equal("0\n", await OutputAsync(host, group, "id -u"));
    }

    [Fact]
    public async Task It_ends_with_the_engine_and_nothing_of_it_is_left()
    {
        await using var host = Host();
        host.Engine.KeepReady();
        var ready = await ReadyAsync(host);
        await host.Engine.DisposeAsync();
        Assert.All(ready.Values, pid => Assert.False(Directory.Exists($"/proc/{pid}"), $"process {pid} is there"));
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
        Assert.Empty(Children(host));
    }

    [Fact]
    public async Task A_reaper_and_groups_that_nobody_keeps_ready_know_nothing_of_it()
    {
        await using var host = Host();
        await using (var group = await host.CreateGroupAsync())
        {
            Assert.Equal("0\n", await OutputAsync(host, group, "id -u"));
        }

        Assert.Empty(Children(host));
        host.Engine.KeepReady();
        var ready = await ReadyAsync(host);
        Assert.Equal(0, await host.Engine.ReapAsync("tests", TestContext.Current.CancellationToken));
        Assert.Equal(ready, await ReadyAsync(host));
    }

    [Fact]
    public async Task Where_the_host_has_few_places_none_is_held_for_later()
    {
        // Sixteen of them; without a way out, as the rules for this pool would take those for the other groups' from the host.
        await using var host = Host(o => (o.Network.Pool, o.Network.Uplink) = ("10.97.0.0/20", false));
        host.Engine.KeepReady();
        await using var group = await host.CreateGroupAsync();
        Assert.Equal("0\n", await OutputAsync(host, group, "id -u"));
        Assert.Equal([HolderOf(host)], Children(host).Where(c => c.Verb == "group").Select(c => c.Pid));
    }

    [Fact]
    public async Task A_host_that_has_IPv6_since_then_has_it_in_the_next_group()
    {
        Assert.SkipUnless(NearbyMachine.HostHasIPv6, "IPv6 is switched off on this host");
        await using var host = Host(o => o.Network.IPv6 = false);
        host.Engine.KeepReady();
        var ready = await ReadyAsync(host);
        host.Options.Network.IPv6 = true;
        await using var group = await host.CreateGroupAsync();
        Assert.All(ready.Values, pid => Assert.False(Directory.Exists($"/proc/{pid}"), $"process {pid} is there"));
        Assert.Equal("1\n", await OutputAsync(host, group, "ip -6 address show dev eth0 scope global | grep -c inet6"));
    }

    [Fact]
    public async Task The_rules_of_the_packet_filter_are_looked_at_again_when_it_is_used()
    {
        await using var network = await OwnNetwork.CreateAsync();
        await using var host = Host(options => network.Enter(options));
        host.Engine.KeepReady();
        await using (await host.CreateGroupAsync())
        {
            Assert.Contains(OwnNetwork.NameServer, await network.RulesAsync());
        }

        // The next one was made by now, or is being made: either way it is used, and by other rules than it was made with.
        host.Options.Network.NameServers = ["192.0.2.54"];
        await network.FlushAsync();
        await using var group = await host.CreateGroupAsync();
        Assert.Contains("192.0.2.54", await network.RulesAsync());
    }

    [Fact]
    public async Task What_was_in_the_way_when_it_was_made_ready_is_not_held_against_the_group()
    {
        await using var network = await OwnNetwork.CreateAsync();
        var (hinder, tried) = ("", "");
        await using var host = Host(options =>
        {
            (hinder, tried) = (options.SandboxPath + ".hinder", options.SandboxPath + ".tried");
            network.Enter(options, $$"""
                if [ -e '{{hinder}}' ] && [ "$4" = group ]; then
                  touch '{{tried}}'
                  exec unshare --mount sh -c 'mount --bind /dev/null "$(readlink -f "$(command -v nft)")" && exec "$@"' sh "$@"
                fi
                """);
        });
        await File.WriteAllTextAsync(hinder, "", TestContext.Current.CancellationToken);
        host.Engine.KeepReady();
        var began = TimeProvider.System.GetTimestamp();
        while (!File.Exists(tried))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, "none was made ready");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        File.Delete(hinder);
        await using var group = await host.CreateGroupAsync();
        Assert.Contains(OwnNetwork.NameServer, await network.RulesAsync());
    }

    // A name of its own for the helper: other tests of this process start it too.
    private static OciHost Host(Action<OciEngineOptions>? change = null) => OciHost.Create(options =>
    {
        var link = Path.Combine(Path.GetDirectoryName(options.ScratchRoot)!, "helper");
        File.CreateSymbolicLink(link, options.SandboxPath!);
        options.SandboxPath = link;
        change?.Invoke(options);
    });

    private static async Task<string> OutputAsync(OciHost host, IContainerGroup group, string script)
    {
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(host.Shell(script), TestContext.Current.CancellationToken);
        Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, TestContext.Current.CancellationToken));
        return output.Out;
    }
}
