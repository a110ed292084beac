using System.Globalization;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Networks;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;
using Microsoft.Extensions.Time.Testing;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>The profile for strangers' code on a shared machine, from inside, with a runtime and without one.</summary>
public sealed class Profile_hardened
{
    private const string Runc = "runc", Direct = "direct";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Runc, null, "/root")]
    [InlineData(Runc, "builder", "/home/builder")]
    [InlineData(Direct, null, "/root")]
    [InlineData(Direct, "builder", "/home/builder")]
    public async Task The_image_is_read_only_and_home_temporary_folders_and_workspace_can_be_written(string runtime, string? user, string home)
    {
        const string script =
            """
            for d in / /etc /bin /var /opt-is-not-there; do (echo x > $d/x) 2>&1 | sed 's/.*: //'; done
            for d in /tmp /var/tmp /run $HOME /dev/shm /workspace; do echo "$d $(stat -c %a $d)"; (echo x > $d/x && cat $d/x) 2>&1 | sed 's/.*: //'; done
            cat $HOME/profile; rm $HOME/profile; ls $HOME; pwd
            """;
        await using var host = Host(runtime);
        foreach (var folder in new[] { "root", "home/builder" })
        {
            await File.WriteAllTextAsync(host.Folder[$"image/{folder}/profile"], "of the image\n", Stop);
            Own(host, folder);
        }

        Directory.CreateDirectory(host.Folder["tree"]);
        File.SetUnixFileMode(host.Folder["tree"], (UnixFileMode)0x1FF);
        var workspace = new WorkspaceSpec { BasePath = "/workspace", TreePath = "/workspace", SourceDirectory = host.Folder["tree"], CopyOnWrite = true };
        await using var group = await GroupAsync(host, workspace);
        var readOnly = "Read-only file system\n";
        var run = user is null ? ("755", "denied") : ("755", "Permission denied");
        for (var i = 0; i < 2; i++)
        {
            var lines = (await RunAsync(group, host.Shell(script) with { User = user })).Split('\n');
            Assert.Equal([.. Enumerable.Repeat(readOnly.TrimEnd(), 4), "nonexistent directory"], lines[..5]);
            Assert.Equal(["/tmp 1777", "x", "/var/tmp 1777", "x", $"/run {run.Item1}", user is null ? "x" : run.Item2], lines[5..11]);
            Assert.Equal($"{home} {Mode(host, home)}", lines[11]);
            Assert.Equal(["x", "/dev/shm 1777", "x", "/workspace 777", "x", "of the image", "x", "/workspace"], lines[12..20]);
        }

        // Nothing of it came to the image.
        Assert.Equal("of the image\n", await File.ReadAllTextAsync(host.Folder[$"image{home}/profile"], Stop));
        Assert.False(File.Exists(host.Folder[$"image{home}/x"]));
    }

    [Theory]
    [InlineData(Runc)]
    [InlineData(Direct)]
    public async Task What_is_written_has_one_limit_for_all_folders_and_is_gone_with_the_step(string runtime)
    {
        const string script =
            """
            ls -A /tmp /var/tmp; cd /tmp; for d in /tmp /var/tmp /run $HOME; do dd if=/dev/zero of=$d/f bs=1M count=3 2>&1 | grep -o 'No space left on device'; done
            cat /tmp/f /var/tmp/f /run/f $HOME/f | wc -c; df -m /tmp | tail -1 | awk '{ print $2 }'
            """;
        await using var host = Host(runtime, new HardenedOptions { ScratchBytes = 8 << 20 });
        await using var group = await GroupAsync(host);
        for (var i = 0; i < 2; i++)
        {
            var lines = (await RunAsync(group, host.Shell(script))).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            Assert.Contains("No space left on device", lines);
            Assert.Equal(["/tmp:", "/var/tmp:"], lines[..2]);
            Assert.InRange(int.Parse(lines[^2], CultureInfo.InvariantCulture), 6 << 20, 8 << 20);
        }

        await group.DisposeAsync();
        Assert.Empty(await host.FindLeftOversAsync());
    }

    [Theory]
    [InlineData(Runc)]
    [InlineData(Direct)]
    public async Task No_text_or_link_of_the_image_makes_more_writable_or_reaches_the_host(string runtime)
    {
        await using var host = Host(runtime);
        var outside = host.Folder["outside"];
        Directory.CreateDirectory(outside);
        Directory.Delete(host.Folder["image/tmp"]);
        File.CreateSymbolicLink(host.Folder["image/tmp"], $"../../../../..{outside}");
        await File.WriteAllTextAsync(host.Folder["image/run"], "a file", Stop);
        Directory.CreateDirectory(host.Folder["image/proc"]);
        await File.AppendAllTextAsync(
            host.Folder["image/etc/passwd"],
            $"a:x:2001:0::/x,upperdir={outside}:/bin/sh\nb:x:2002:0::/:/bin/sh\nc:x:2003:0::/..{outside}:/bin/sh\nd:x:2004:0::/proc/sys:/bin/sh\ne:x:2005:0::/made/by/nobody:/bin/sh\nf:x:2006:0::/tmp/..:/bin/sh\n", Stop);
        await using var group = await GroupAsync(host);
        foreach (var (user, writable) in new[] { ("a", true), ("b", false), ("c", false), ("d", false), ("e", true), ("f", false) })
        {
            var output = await RunAsync(group, host.Shell("(echo x > $HOME/x) 2>/dev/null && echo yes || echo no; (echo x > /tmp/x) 2>/dev/null; cat /run; (echo x > /etc/x) 2>/dev/null && echo etc; true") with { User = user });
            Assert.Equal($"{user}: {(writable ? "yes" : "no")}\na file", $"{user}: {output}");
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(outside));
    }

    [Theory]
    [InlineData(Runc)]
    [InlineData(Direct)]
    public async Task Only_destinations_that_are_named_are_reached_and_never_the_host_or_link_local_ones(string runtime)
    {
        Assert.SkipUnless(NearbyMachine.HostHasIPv6, "IPv6 is switched off on this host");
        using var machine = await NearbyMachine.StartAsync();
        await using var names = NameServer.Start(machine.Host[0], "machine.test", machine.World[0]);
        string[] egress = [$"{machine.World[0]}:{NearbyMachine.Port}", $"{machine.Private[0]}", $"[{machine.World[1]}/128]:1-9000", $"{machine.LinkLocal[0]}/32", machine.Host[0]];
        await using var host = Host(runtime, new HardenedOptions { Egress = egress }, o => (o.Network.IPv6, o.Network.NameServers) = (true, [machine.Host[0]]));
        string[] all = [machine.World[0], machine.Private[0], machine.World[1], machine.Private[1], machine.LinkLocal[0], machine.LinkLocal[1], "machine.test"];
        var script = string.Join('\n', all.Select(a => $"timeout 60 wget -q -O - {NearbyMachine.PageAt(a)} 2>/dev/null || printf refused; echo"));
        await using var group = await GroupAsync(host);
        Assert.Equal("page,page,page,refused,refused,refused,page", string.Join(',', (await RunAsync(group, host.Shell(script))).Split('\n', StringSplitOptions.RemoveEmptyEntries)));

        // A group beside it that is not hardened has the rules that all have.
        await using var ordinary = await host.CreateGroupAsync();
        Assert.Equal("page,refused,page,refused,refused,refused,page", string.Join(',', (await RunAsync(ordinary, host.Shell(script))).Split('\n', StringSplitOptions.RemoveEmptyEntries)));
    }

    [Fact]
    public async Task With_no_destination_there_is_no_way_out_and_no_name_server_but_services_are_reached()
    {
        Assert.SkipUnless(NearbyMachine.HostHasIPv6, "IPv6 is switched off on this host");
        using var machine = await NearbyMachine.StartAsync();
        await using var names = NameServer.Start(machine.Host[0], "machine.test", machine.World[0]);
        await using var host = Host(Runc, change: o => o.Network.NameServers = [machine.Host[0]]);
        await using var group = await GroupAsync(host);
        var output = new OutputRecorder();
        await using var service = await group.StartServiceAsync(host.Shell("mkdir /tmp/w; echo page > /tmp/w/page; echo up; exec httpd -f -p 8080 -h /tmp/w", "web"), output, Stop);
        await output.Contains("up\n");
        var script = $"timeout 60 sh -c 'until wget -q -O - http://web:8080/page 2>/dev/null; do sleep 0.1; done'; for h in {machine.World[0]} machine.test; do wget -q -T 5 -O - http://$h:{NearbyMachine.Port}/page 2>/dev/null || echo refused; done";
        Assert.Equal("page\nrefused\nrefused", await RunAsync(group, host.Shell(script)));
        Assert.Equal(0, names.Asked);
    }

    [Fact]
    public async Task Nothing_is_privileged_and_no_program_gains_rights()
    {
        await using var host = Host(Runc);
        await using var group = await GroupAsync(host);
        var refused = await Assert.ThrowsAsync<ContainerException>(() => group.PrepareAsync(host.Shell("true") with { Privileged = true }, Stop));
        Assert.Equal((ContainerFailure.InvalidSpec, "The container step asks for 'privileged', which is not to be had in the profile hardened (Engine:Hardened)."), (refused.Reason, refused.Message));
        Assert.Equal("1000", await RunAsync(group, host.Shell($"{BusyboxImage.SetUserIdProgram}; echo $((768 + $?))") with { User = "builder", AllowNewPrivileges = true }));
    }

    [Fact]
    public async Task A_runtime_of_their_own_makes_their_containers_and_no_others()
    {
        await using var host = Host(Runc, new HardenedOptions { RuntimePath = "/filled/in/below" }, o =>
        {
            var directory = Path.Combine(o.ScratchRoot, "..", "runtime");
            Directory.CreateDirectory(directory);
            File.WriteAllText(Path.Combine(directory, "runc"), $"#!/bin/sh\necho used >> {directory}/log\nexec {Requires.Find("runc")} \"$@\"\n");
            File.SetUnixFileMode(Path.Combine(directory, "runc"), UnixFileMode.UserRead | UnixFileMode.UserExecute);
            o.Hardened = o.Hardened with { RuntimePath = Path.Combine(directory, "runc") };
        });
        var log = host.Folder["runtime/log"];
        await using var ordinary = await host.CreateGroupAsync();
        Assert.Equal("ran", await RunAsync(ordinary, host.Shell("echo ran")));
        Assert.False(File.Exists(log));
        await using var hardened = await GroupAsync(host);
        Assert.Equal("ran", await RunAsync(hardened, host.Shell("echo ran")));
        Assert.StartsWith("used", await File.ReadAllTextAsync(log, Stop), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_doctor_tries_it_where_it_is_wanted()
    {
        await using var host = Host(Runc, new HardenedOptions { IsWanted = true, Egress = ["192.0.2.0/24:443"] });
        var check = Assert.Single((await host.Engine.ProbeAsync(Stop)).Checks, c => c.Name == "hardened");
        Assert.Equal(
            (ReadinessStatus.Ok, "a container ran by runc with its image read-only, 1024 MiB for temporary files and a way out to 192.0.2.0/24:443"), (check.Status, check.Detail));
        await using var without = Host(Runc, new HardenedOptions { IsWanted = true, RuntimePath = "/no/such/runsc" });
        var readiness = await without.Engine.ProbeAsync(Stop);
        Assert.False(readiness.Usable);
        Assert.Contains("/no/such/runsc", Assert.Single(readiness.Checks, c => c.Name == "hardened").Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_engine_docker_refuses_it()
    {
        using var folder = TestFolder.Create();
        await using var engine = new DockerEngine(new DockerEngineOptions { ScratchDirectory = folder.Path, Host = "unix:///no/such/socket" }, new FakeTimeProvider());
        var refused = await Assert.ThrowsAsync<ContainerException>(() => engine.CreateGroupAsync(new GroupSpec { Id = "group", Owner = "tests", Hardened = true }, Stop));
        Assert.Equal(ContainerFailure.InvalidSpec, refused.Reason);
        Assert.Contains("kept by the engine oci only", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("192.0.2.7", "ip daddr 192.0.2.7/32 accept")]
    [InlineData("192.0.2.0/24:443", "ip daddr 192.0.2.0/24 meta l4proto { tcp, udp } th dport 443-443 accept")]
    [InlineData("192.0.2.7:8000-8100", "ip daddr 192.0.2.7/32 meta l4proto { tcp, udp } th dport 8000-8100 accept")]
    [InlineData("2001:db8::/32", "ip6 daddr 2001:db8::/32 accept")]
    [InlineData("2001:db8::1", "ip6 daddr 2001:db8::1/128 accept")]
    [InlineData("[2001:db8::1]:443", "ip6 daddr 2001:db8::1/128 meta l4proto { tcp, udp } th dport 443-443 accept")]
    public void A_destination_is_an_address_or_a_network_with_ports(string text, string rule) => Assert.Equal(rule, Destination.Parse(text, out _)?.ToRule());

    [Theory]
    [InlineData("registry.example.org", "names are not taken")]
    [InlineData("registry.example.org:443", "names are not taken")]
    [InlineData("", "name an address")]
    [InlineData("10", "name an address")]
    [InlineData("192.0.2.7:", "name an address")]
    [InlineData("192.0.2.7:0", "name an address")]
    [InlineData("192.0.2.7:70000", "name an address")]
    [InlineData("192.0.2.7:90-80", "name an address")]
    [InlineData("192.0.2.7/33", "name an address")]
    [InlineData("192.0.2.7/24;accept", "name an address")]
    [InlineData("[2001:db8::1", "name an address")]
    [InlineData("[2001:db8::1]443", "name an address")]
    [InlineData("fe80::1%eth0", "name an address")]
    public void What_is_none_is_refused_with_what_to_write(string text, string said) =>
        Assert.Contains($"Engine:HardenedEgress has '{text}': {said}", Assert.Single(new OciEngineOptions { Hardened = new HardenedOptions { Egress = [text] } }.Problems()), StringComparison.Ordinal);

    private static OciHost Host(string runtime, HardenedOptions? hardened = null, Action<OciEngineOptions>? change = null) => OciHost.Create(o =>
    {
        o.RuntimePath = runtime;
        o.Hardened = hardened ?? new HardenedOptions();
        change?.Invoke(o);
    });

    private static Task<IContainerGroup> GroupAsync(OciHost host, WorkspaceSpec? workspace = null)
    {
        var id = $"test-{Guid.CreateVersion7():N}";
        host.Auditor.Watch(id);
        return host.Engine.CreateGroupAsync(new GroupSpec { Id = id, Owner = "tests", Workspace = workspace, Hardened = true }, Stop);
    }

    private static async Task<string> RunAsync(IContainerGroup group, ContainerSpec spec)
    {
        var output = new OutputRecorder();
        var exit = await group.RunAsync(await group.PrepareAsync(spec, Stop), StartSpec.AsPrepared, output, Stop);
        Assert.True(exit is ContainerExit.Exited(0), $"{exit}: {output.Out}{output.Error}");
        return output.Out.TrimEnd('\n');
    }

    private static string Mode(OciHost host, string folder) => Convert.ToString((int)File.GetUnixFileMode(host.Folder["image" + folder]), 8);

    private static void Own(OciHost host, string folder)
    {
        if (folder == "home/builder" && Environment.IsPrivilegedProcess)
        {
            using var chown = System.Diagnostics.Process.Start("chown", ["1000:1000", host.Folder[$"image/{folder}/profile"]]);
            chown.WaitForExit();
        }
    }
}
