using BuildRunner.Containers.Engine;
using Xunit;

namespace BuildRunner.Testing.Engine;

public abstract partial class EngineContract
{
    [Fact]
    public async Task What_a_step_writes_into_the_workspace_the_next_step_finds()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, View(host));
        await RunAsync(group, Shell(host, "echo one > made; mkdir -p sub; echo two > sub/made; echo three > /woodpecker/beside"));
        Assert.Equal("one\ntwo\nthree", (await RunAsync(group, Shell(host, "cat made sub/made /woodpecker/beside"))).Text);
    }

    [Fact]
    public async Task A_copy_on_write_workspace_leaves_the_source_as_it_was()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, View(host));
        await RunAsync(group, Shell(host, "echo changed > kept; rm gone; mv directory renamed; chmod 700 kept; echo new > new"));
        Assert.Equal("kept\n", await File.ReadAllTextAsync(host.Folder["tree/kept"], Cancellation));
        Assert.True(File.Exists(host.Folder["tree/gone"]));
        Assert.True(File.Exists(host.Folder["tree/directory/file"]));
        Assert.False(File.Exists(host.Folder["tree/new"]));
    }

    [Fact]
    public async Task The_view_of_a_copy_on_write_workspace_can_be_read_on_the_host()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, View(host));
        await RunAsync(group, Shell(host, "echo new > new; rm gone"));
        var view = await group.OpenWorkspaceAsync(Cancellation) ?? "";
        Assert.Equal("new\n", await File.ReadAllTextAsync(Path.Combine(view, "new"), Cancellation));
        Assert.Equal("kept\n", await File.ReadAllTextAsync(Path.Combine(view, "kept"), Cancellation));
        Assert.False(File.Exists(Path.Combine(view, "gone")));
    }

    [Fact]
    public async Task A_direct_workspace_is_the_source_itself()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, Direct(host));
        await RunAsync(group, Shell(host, "echo changed > kept; rm gone"));
        Assert.Equal("changed\n", await File.ReadAllTextAsync(host.Folder["tree/kept"], Cancellation));
        Assert.False(File.Exists(host.Folder["tree/gone"]));
        Assert.Equal(host.Folder["tree"], await group.OpenWorkspaceAsync(Cancellation));
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(null, false)]
    [InlineData("builder", true)]
    [InlineData("builder", false)]
    public async Task Every_user_can_write_into_the_workspace(string? user, bool copyOnWrite)
    {
        Assert.SkipWhen(user is not null && !copyOnWrite && !MapsOwners, "this engine's containers share the host's user ids (docs/engines.md)");
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, copyOnWrite ? View(host) : Direct(host));
        Assert.Equal("x", (await RunAsync(group, Shell(host, "echo x > mine && cat mine") with { User = user })).Text);
        Assert.Equal("x", (await RunAsync(group, Shell(host, "cat mine"))).Text);
    }

    [Fact]
    public async Task The_owner_of_the_working_tree_is_root_in_a_container()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, View(host));
        Assert.Equal("0 0", (await RunAsync(group, Shell(host, "stat -c '%u %g' kept"))).Text);
    }

    [Fact]
    public async Task Steps_start_in_the_working_tree()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, View(host));
        Assert.Equal("/woodpecker/src", (await RunAsync(group, Shell(host, "pwd"))).Text);
    }

    [Fact]
    public async Task Steps_that_run_at_once_share_the_workspace()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, View(host));
        var waiting = RunAsync(group, Shell(host, "while [ ! -e flag ]; do sleep 0.05; done; cat flag", "waiting"));
        await RunAsync(group, Shell(host, "echo raised > flag.new && mv flag.new flag", "raising"));
        Assert.Equal("raised", (await waiting).Text);
    }

    private static WorkspaceSpec View(IEngineHost host) => Workspace(host, copyOnWrite: true);

    private static WorkspaceSpec Direct(IEngineHost host) => Workspace(host, copyOnWrite: false);

    private static WorkspaceSpec Workspace(IEngineHost host, bool copyOnWrite)
    {
        Directory.CreateDirectory(host.Folder["tree/directory"]);
        File.WriteAllText(host.Folder["tree/kept"], "kept\n");
        File.WriteAllText(host.Folder["tree/gone"], "gone\n");
        File.WriteAllText(host.Folder["tree/directory/file"], "file\n");
        return new WorkspaceSpec { BasePath = "/woodpecker", TreePath = "/woodpecker/src", SourceDirectory = host.Folder["tree"], CopyOnWrite = copyOnWrite };
    }
}
