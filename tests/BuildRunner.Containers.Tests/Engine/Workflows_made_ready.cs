using System.Collections.Concurrent;
using System.Diagnostics;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>An engine that is told to makes the next workflow's group and first container like those of the last two, before anybody asks for them (decision 227).</summary>
public sealed partial class Workflows_made_ready
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData("runc")]
    [InlineData("direct")]
    public async Task The_third_alike_gets_what_was_made_ahead_and_sees_nothing_of_those_before(string runtime)
    {
        await using var host = Host(o => o.RuntimePath = runtime);
        const string script = "cat /.buildrunner/script; echo $NAME in $PWD; ls /w; touch /w/mine /left; echo out >/files/out; ls /left";
        for (var round = 1; round <= 4; round++)
        {
            var workflow = new Workflow(host, round);
            await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
            Assert.Equal(round > 2, GroupsOf(host).Any(g => g.StartsWith("ready-", StringComparison.Ordinal)));
            var output = await Workflow.RunAsync(group, workflow.Step(script) with { Files = [new InjectedFile("script", "text "u8.ToArray())], WorkingDirectory = "/w" });
            Assert.Equal($"text round {round} in /w\n/left\n", output);
            Assert.True(File.Exists(Path.Combine(workflow.Tree, "mine")), "what a step writes to the workspace lies where its agent looks for it");
            Assert.Equal("out\n", await File.ReadAllTextAsync(workflow.Out, TestContext.Current.CancellationToken));
            Assert.Equal(workflow.Tree, await group.OpenWorkspaceAsync(TestContext.Current.CancellationToken));
            Assert.Equal("mine\n", await Workflow.RunAsync(group, workflow.Step("ls /w", "second") with { HostMounts = [] }));
            await group.DisposeAsync();
            await ReadyAsync(host, round > 1);
        }

        await host.Engine.DisposeAsync();
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
        Assert.Empty(Directory.EnumerateFileSystemEntries(host.Folder["ready"]));
    }

    [Theory]
    [InlineData("name")]
    [InlineData("user")]
    [InlineData("limit")]
    [InlineData("environment")]
    [InlineData("network")]
    [InlineData("mount")]
    [InlineData("names")]
    public async Task A_step_that_is_made_differently_gets_a_container_of_its_own(string difference)
    {
        await using var host = Host();
        await PrimeAsync(host);
        var workflow = new Workflow(host, 3);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        var waiting = Assert.Single(InitsOf(host));
        var usual = workflow.Step("id -u; hostname; grep -c extra /etc/hosts; ls /volume 2>/dev/null | grep -c etc; grep -c eth0 /proc/net/dev; echo $MORE");
        var (step, expected) = difference switch
        {
            "name" => (usual with { Name = "other" }, "0 other 0 0 1"),
            "user" => (usual with { User = "1000" }, "1000 step 0 0 1"),
            "limit" => (usual with { Limits = new ResourceLimits(Pids: 99) }, "0 step 0 0 1"),
            "network" => (usual with { Network = NetworkMode.None }, "0 step 0 0 0"),
            "mount" => (usual with { HostMounts = [.. usual.HostMounts, new HostMount(host.Folder["image"], "/volume", ReadOnly: true)] }, "0 step 0 1 1"),
            "names" => (usual with { ExtraHosts = ["extra:192.0.2.1"] }, "0 step 1 0 1"),
            _ => (usual with { Environment = new Dictionary<string, string> { ["MORE"] = "more" } }, "0 step 0 0 1 more"),
        };
        await using var container = await group.PrepareAsync(step, TestContext.Current.CancellationToken);

        // What comes with the start is no difference.
        Assert.Equal(difference == "environment", InitsOf(host).Contains(waiting));
        Assert.Equal(expected, (await RunAsync(group, container)).TrimEnd('\n').Replace('\n', ' '));
    }

    [Fact]
    public async Task A_group_that_is_made_differently_is_made_when_it_is_asked_for()
    {
        await using var host = Host();
        await PrimeAsync(host);
        var workflow = new Workflow(host, 3);
        var other = workflow.Group with { Limits = new ResourceLimits(MemoryBytes: 512 << 20) };
        await using var group = await host.Engine.CreateGroupAsync(other, TestContext.Current.CancellationToken);
        Assert.Contains(other.Id, GroupsOf(host));
        Assert.Equal("round 3\n", await Workflow.RunAsync(group, workflow.Step("echo $NAME")));
        await group.DisposeAsync();
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
    }

    [Fact]
    public async Task A_workspace_that_holds_something_is_not_exchanged()
    {
        await using var host = Host();
        await PrimeAsync(host);
        var workflow = new Workflow(host, 3);
        await File.WriteAllTextAsync(Path.Combine(workflow.Tree, "kept"), "", TestContext.Current.CancellationToken);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        Assert.Contains(workflow.Group.Id, GroupsOf(host));
        Assert.Equal("kept\n", await Workflow.RunAsync(group, workflow.Step("ls /w")));
    }

    [Theory]
    [InlineData("image")]
    [InlineData("volume")]
    public async Task A_directory_in_the_place_of_another_one_is_seen(string what)
    {
        await using var host = Host();
        var volume = Directory.CreateDirectory(host.Folder["volume"]).FullName;
        ContainerSpec With(ContainerSpec step) => step with { HostMounts = [.. step.HostMounts, new HostMount(volume, "/volume", ReadOnly: true)] };
        await PrimeAsync(host, With);
        var place = what == "image" ? host.Folder["image"] : volume;
        Directory.Move(place, place + ".old");
        if (what == "image")
        {
            BusyboxImage.Create(place);
        }

        Directory.CreateDirectory(Path.Combine(place, "new"));
        var workflow = new Workflow(host, 3);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        Assert.Equal("found\n", await Workflow.RunAsync(group, With(workflow.Step($"test -d {(what == "image" ? "/new" : "/volume/new")} && echo found"))));
    }

    [Fact]
    public async Task What_is_exchanged_between_the_group_and_its_first_step_is_seen()
    {
        await using var host = Host();
        var volume = Directory.CreateDirectory(host.Folder["volume"]).FullName;
        ContainerSpec With(ContainerSpec step) => step with { HostMounts = [.. step.HostMounts, new HostMount(volume, "/volume", ReadOnly: true)] };
        await PrimeAsync(host, With);
        var workflow = new Workflow(host, 3);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(workflow.Group.Id, GroupsOf(host));
        Directory.Move(volume, volume + ".old");
        Directory.CreateDirectory(Path.Combine(volume, "new"));
        Assert.Equal("found\n", await Workflow.RunAsync(group, With(workflow.Step("test -d /volume/new && echo found"))));
    }

    [Fact]
    public async Task Who_gives_up_while_it_is_handed_out_leaves_nothing()
    {
        await using var host = Host();
        await PrimeAsync(host);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => host.Engine.CreateGroupAsync(new Workflow(host, 3).Group, new CancellationToken(canceled: true)));
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
    }

    [Fact]
    public async Task A_workflow_with_services_gets_none_and_keeps_the_name_of_its_service()
    {
        await using var host = Host();
        for (var round = 1; round <= 5; round++)
        {
            // The third finds a container that waits under the name that its service has.
            var workflow = new Workflow(host, round);
            await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
            if (round > 2)
            {
                var service = await group.StartServiceAsync(host.Shell("sleep 600", "step"), new OutputRecorder(), TestContext.Current.CancellationToken);
                Assert.False(service.Exited.IsCompleted);
            }

            Assert.Equal("1\n", await Workflow.RunAsync(group, workflow.Step("grep -c 'step$' /etc/hosts", round > 2 ? "other" : "step")));
            Assert.Equal(round > 2 ? "1\n" : "0\n", await Workflow.RunAsync(group, workflow.Step("grep -c 'step$' /etc/hosts || true", "second") with { HostMounts = [] }));
            await group.DisposeAsync();
            await ReadyAsync(host, round == 2);
        }
    }

    [Theory]
    [InlineData("group")]
    [InlineData("shim")]
    [InlineData("init")]
    public async Task What_was_killed_while_it_waited_is_made_anew(string verb)
    {
        await using var host = Host();
        await PrimeAsync(host);
        using (var victim = Process.GetProcessById(PidsOf(host, verb).Max()))
        {
            victim.Kill();
            await victim.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var workflow = new Workflow(host, 3);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        Assert.Equal("round 3\n", await Workflow.RunAsync(group, workflow.Step("echo $NAME")));
        await group.DisposeAsync();
        await ReadyAsync(host, expected: true);
        await host.Engine.DisposeAsync();
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
    }

    [Fact]
    public async Task A_script_that_is_too_long_for_what_waits_gets_a_container_of_its_own()
    {
        await using var host = Host();
        await PrimeAsync(host);
        var workflow = new Workflow(host, 3);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        var step = workflow.Step("wc -c </.buildrunner/script") with { Files = [new InjectedFile("script", new byte[3 << 20])] };
        Assert.Equal($"{3 << 20}\n", await Workflow.RunAsync(group, step));
    }

    [Fact]
    public async Task Nobody_wanted_it_for_a_while_so_it_is_removed()
    {
        await using var host = Host(o => o.ReadyFor = TimeSpan.FromSeconds(1));
        await PrimeAsync(host);
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        Assert.Empty(host.Auditor.Ready);
        var workflow = new Workflow(host, 3);
        await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
        Assert.Equal("round 3\n", await Workflow.RunAsync(group, workflow.Step("echo $NAME")));
    }

    [Fact]
    public async Task Where_its_folder_cannot_be_made_groups_are_made_as_before()
    {
        await using var host = OciHost.Create();
        await File.WriteAllTextAsync(host.Folder["file"], "", TestContext.Current.CancellationToken);
        host.Engine.KeepReady(host.Folder["file/ready"]);
        for (var round = 1; round <= 3; round++)
        {
            var workflow = new Workflow(host, round);
            await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
            Assert.Contains(workflow.Group.Id, GroupsOf(host));
            Assert.Equal($"round {round}\n", await Workflow.RunAsync(group, workflow.Step("echo $NAME")));
        }
    }

    [Fact]
    public async Task It_is_told_which_workflows_got_it_and_for_which_an_idle_engine_had_to_make_it()
    {
        var told = new ConcurrentQueue<bool>();
        await using var host = Host(first: told.Enqueue);
        await PrimeAsync(host);
        Assert.Equal([false, false], told);
        var (third, fourth, fifth, sixth) = (new Workflow(host, 3), new Workflow(host, 4), new Workflow(host, 5), new Workflow(host, 6));
        await using var group = await host.Engine.CreateGroupAsync(third.Group, TestContext.Current.CancellationToken);
        int[] before;
        await using (var beside = await host.Engine.CreateGroupAsync(fourth.Group, TestContext.Current.CancellationToken))
        {
            // None is ready, and nobody promises one beside another workflow.
            await Workflow.RunAsync(beside, fourth.Step("true"));
            Assert.Equal([false, false], told);
            await Workflow.RunAsync(group, third.Step("true"));
            await Workflow.RunAsync(group, third.Step("true", "second") with { HostMounts = [] });
            Assert.Equal([false, false, true], told);
            before = InitsOf(host);
        }

        // One was made when the fourth was gone, and the fifth wants another one.
        await ReadyAsync(host, expected: true, before);
        await using var other = await host.Engine.CreateGroupAsync(fifth.Group, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(fifth.Group.Id, GroupsOf(host));
        await Workflow.RunAsync(other, fifth.Step("true", "other"));
        Assert.Equal([false, false, true, false], told);
        await group.DisposeAsync();
        await other.DisposeAsync();

        // Nothing is ready, and nobody else is there.
        await using var last = await host.Engine.CreateGroupAsync(sixth.Group, TestContext.Current.CancellationToken);
        await Workflow.RunAsync(last, sixth.Step("true"));
        Assert.Equal([false, false, true, false, false], told);
    }

    [Fact]
    public async Task A_reaper_leaves_it_alone()
    {
        await using var host = Host();
        await PrimeAsync(host);
        var ready = host.Auditor.Ready;
        Assert.Equal(0, await host.Engine.ReapAsync("tests", TestContext.Current.CancellationToken));
        Assert.Equal(ready, host.Auditor.Ready);
    }

    [Fact]
    public async Task The_rules_of_the_packet_filter_are_looked_at_again_when_it_is_used()
    {
        await using var network = await OwnNetwork.CreateAsync();
        await using var host = Host(options => network.Enter(options));
        var (made, wanted) = (new Workflow(host, 1), new Workflow(host, 2));

        // No container is made: the program that enters the network cannot be a container's first.
        await using var group = Assert.IsType<OciGroup>(await host.Engine.CreateGroupAsync(made.Group, TestContext.Current.CancellationToken));
        await network.FlushAsync();
        Assert.True(await group.TryTakeOverAsync(((OciEngine)host.Engine).PlanOf(wanted.Group), TestContext.Current.CancellationToken));
        Assert.Contains(OwnNetwork.NameServer, await network.RulesAsync());
    }

    // A name of its own for the helper: a test puts a program of its own in its place.
    private static OciHost Host(Action<OciEngineOptions>? change = null, Action<bool>? first = null)
    {
        var host = OciHost.Create(options =>
        {
            options.SandboxPath = File.CreateSymbolicLink(Path.Combine(Path.GetDirectoryName(options.ScratchRoot)!, "helper"), options.SandboxPath!).FullName;
            change?.Invoke(options);
        });
        host.Engine.KeepReady(host.Folder["ready"], first);
        return host;
    }

    // Two alike, and then one is ready.
    private static async Task PrimeAsync(OciHost host, Func<ContainerSpec, ContainerSpec>? change = null, string root = "")
    {
        for (var round = 1; round <= 2; round++)
        {
            var workflow = new Workflow(host, round, root);
            await using var group = await host.Engine.CreateGroupAsync(workflow.Group, TestContext.Current.CancellationToken);
            var step = workflow.Step("true");
            await Workflow.RunAsync(group, change?.Invoke(step) ?? step);
        }

        await ReadyAsync(host, expected: true);
    }

    private static async Task ReadyAsync(OciHost host, bool expected, params int[] others)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (expected && (host.Auditor.Ready.Count == 0 || !InitsOf(host).Except(others).Any()))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, "none was made ready");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        // The init is there a moment before its shim has said so.
        await Task.Delay(expected ? 300 : 0, TestContext.Current.CancellationToken);
        Assert.Equal(expected ? 1 : 0, host.Auditor.Ready.Count);
    }

    private static string[] GroupsOf(OciHost host) => [.. Directory.EnumerateDirectories(host.Options.StateRoot + "/groups").Select(d => Path.GetFileName(d))];

    private static int[] InitsOf(OciHost host) => PidsOf(host, "init");

    private static int[] PidsOf(OciHost host, string verb) =>
        [.. host.Auditor.Processes().Where(p => p.TrimEnd().EndsWith(" " + verb, StringComparison.Ordinal)).Select(p => int.Parse(p.Split(' ')[1].TrimEnd(':'), System.Globalization.CultureInfo.InvariantCulture))];

    private static async Task<string> RunAsync(IContainerGroup group, IPreparedContainer container)
    {
        var output = new OutputRecorder();
        Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, TestContext.Current.CancellationToken));
        return output.Out;
    }

    /// <summary>A workflow as an agent asks for it: with an empty workspace and an empty file of its own.</summary>
    private sealed class Workflow
    {
        private readonly OciHost host;
        private readonly int round;
        private readonly string root;

        public Workflow(OciHost host, int round, string root = "")
        {
            this.host = host;
            this.round = round;
            this.root = root;
            Directory.CreateDirectory(Tree);
            File.WriteAllText(Out, "");
            File.SetUnixFileMode(Out, (UnixFileMode)0b110_110_110);
            host.Auditor.Watch(Group.Id);
        }

        public string Tree => host.Folder[Path.Combine(root, $"work/{round}/tree")];

        public string Out => host.Folder[Path.Combine(root, $"work/{round}/out")];

        public GroupSpec Group => new()
        {
            Id = $"test-{Path.GetFileName(host.Options.StateRoot)}-{round}",
            Owner = "tests",
            Workspace = new WorkspaceSpec { BasePath = "/w", TreePath = "/w", SourceDirectory = Tree, CopyOnWrite = false, BeginsEmpty = true },
        };

        public ContainerSpec Step(string script, string name = "step") => host.Shell(script, name) with
        {
            Environment = new Dictionary<string, string> { ["NAME"] = $"round {round}" },
            HostMounts = [new HostMount(Out, "/files/out", ReadOnly: false) { BeginsEmpty = true }],
        };

        public static async Task<string> RunAsync(IContainerGroup group, ContainerSpec step) =>
            await Workflows_made_ready.RunAsync(group, await group.PrepareAsync(step, TestContext.Current.CancellationToken));
    }
}
