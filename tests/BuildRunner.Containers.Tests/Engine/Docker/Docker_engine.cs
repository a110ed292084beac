using System.Diagnostics;
using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;

namespace BuildRunner.Containers.Tests.Engine.Docker;

[Collection("docker")]
public sealed class Docker_engine(DockerEngineFixture docker) : IAsyncLifetime
{
    private readonly TestFolder folder = TestFolder.Create();
    private readonly List<IAsyncDisposable> left = [];
    private DockerEngine engine = null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        docker.Required();
        engine = docker.NewEngine();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var item in left)
        {
            await item.DisposeAsync();
        }

        await engine.DisposeAsync();
        folder.Dispose();
    }

    [Theory]
    [InlineData("true", 0)]
    [InlineData("exit 3", 3)]
    [InlineData("exit 255", 255)]
    public async Task The_exit_code_is_the_commands(string script, int code)
    {
        var group = await GroupAsync();
        Assert.Equal(new ContainerExit.Exited(code), (await RunAsync(group, script)).Exit);
    }

    [Fact]
    public async Task A_signal_is_told_from_an_exit_code()
    {
        var group = await GroupAsync();
        Assert.Equal(new ContainerExit.Signaled(9), (await RunAsync(group, "kill -9 $$")).Exit);
        Assert.Equal(new ContainerExit.Signaled(15), (await RunAsync(group, "kill -15 $$")).Exit);
    }

    [Fact]
    public async Task Both_streams_are_complete_and_in_order()
    {
        var group = await GroupAsync();
        var (exit, output) = await RunAsync(group, "seq 1 200000; seq 1 1000 >&2");
        Assert.Equal(0, exit.Status);
        Assert.Equal(string.Concat(Enumerable.Range(1, 200000).Select(i => $"{i}\n")), output.Out);
        Assert.Equal(string.Concat(Enumerable.Range(1, 1000).Select(i => $"{i}\n")), output.Error);
    }

    [Fact]
    public async Task What_a_step_writes_outside_the_workspace_is_gone_and_inside_is_there()
    {
        Directory.CreateDirectory(folder["tree"]);
        await File.WriteAllTextAsync(folder["tree/source"], "one\n", Stop);
        var group = await GroupAsync(new WorkspaceSpec { BasePath = "/w", TreePath = "/w/src", SourceDirectory = folder["tree"], CopyOnWrite = true });
        var first = await RunAsync(group, "pwd; cat source; echo two > source; echo new > made; echo x > /root/lost; echo y > /dev/shm/lost; echo z > /w/kept");
        Assert.Equal("/w/src\none\n", first.Output.Out);
        var second = await RunAsync(group, "cat source made /w/kept; ls /root/lost /dev/shm/lost");
        Assert.Equal("two\nnew\nz\n", second.Output.Out);
        Assert.Contains("/root/lost: No such file", second.Output.Error);
        Assert.Contains("/dev/shm/lost: No such file", second.Output.Error);
        Assert.Equal("two\n", await File.ReadAllTextAsync(Path.Combine((await group.OpenWorkspaceAsync(Stop))!, "source"), Stop));
        await group.DisposeAsync();
        Assert.Equal("one\n", await File.ReadAllTextAsync(folder["tree/source"], Stop));
        Assert.False(File.Exists(folder["tree/made"]));
    }

    [Fact]
    public async Task In_place_the_source_changes()
    {
        Directory.CreateDirectory(folder["tree"]);
        var group = await GroupAsync(new WorkspaceSpec { BasePath = "/w", TreePath = "/w", SourceDirectory = folder["tree"], CopyOnWrite = false });
        Assert.Equal(0, (await RunAsync(group, "echo hello > made")).Exit.Status);
        Assert.Equal("hello\n", await File.ReadAllTextAsync(folder["tree/made"], Stop));
    }

    [Fact]
    public async Task The_environment_is_the_images_then_the_steps_then_the_starts()
    {
        var group = await GroupAsync();
        var spec = Script("echo $IMAGE $A $B $C; echo $PATH $HOME") with { Environment = new Dictionary<string, string> { ["A"] = "1", ["B"] = "1" } };
        var start = new StartSpec { Environment = new Dictionary<string, string> { ["B"] = "2", ["C"] = "3" } };
        var (_, output) = await RunAsync(group, spec, start);
        Assert.Equal("busybox 1 2 3\n/bin:/usr/bin /root\n", output.Out);
    }

    [Theory]
    [InlineData("builder", "1000:1000 1500 1501\n")]
    [InlineData("1000", "1000:1000 1500 1501\n")]
    [InlineData("builder:extra", "1000:1500\n")]
    [InlineData("4711:4712", "4711:4712\n")]
    public async Task The_user_is_who_was_named(string user, string expected)
    {
        var group = await GroupAsync();
        var (exit, output) = await RunAsync(group, Script("echo $(id -u):$(id -g) $(id -G | cut -d' ' -f2- -s)") with { User = user });
        Assert.Equal(0, exit.Status);
        Assert.Equal(expected, output.Out);
    }

    [Fact]
    public async Task A_user_that_the_image_lacks_is_an_error_that_says_so()
    {
        var group = await GroupAsync();
        var failure = await Assert.ThrowsAsync<ContainerException>(() => RunAsync(group, Script("true") with { User = "nobody-knows" }));
        Assert.Equal(ContainerFailure.InvalidSpec, failure.Reason);
        Assert.Contains("nobody-knows", failure.Message);
    }

    [Fact]
    public async Task A_user_may_write_to_dev_stdout()
    {
        var group = await GroupAsync();
        var (exit, output) = await RunAsync(group, Script("echo out > /dev/stdout; echo err > /dev/stderr") with { User = "builder" });
        Assert.Equal((0, "out\n", "err\n"), (exit.Status, output.Out, output.Error));
    }

    [Fact]
    public async Task A_missing_command_is_an_error_of_its_own()
    {
        var group = await GroupAsync();
        var failure = await Assert.ThrowsAsync<ContainerException>(() => RunAsync(group, Script("") with { Entrypoint = ["no-such-program"] }));
        Assert.Equal(ContainerFailure.CommandNotFound, failure.Reason);
    }

    [Fact]
    public async Task Injected_files_are_read_only_and_secret_ones_the_users_own()
    {
        var group = await GroupAsync();
        var spec = Script("cat /.buildrunner/script; stat -c '%a %u' /.buildrunner/script /.buildrunner/token; cat /.buildrunner/token; echo x > /.buildrunner/script") with
        {
            User = "builder",
            Files =
            [
                new InjectedFile("script", Encoding.UTF8.GetBytes("hello\n"), Executable: true),
                new InjectedFile("token", Encoding.UTF8.GetBytes("secret\n"), Secret: true),
            ],
        };
        var (exit, output) = await RunAsync(group, spec);
        Assert.Equal("hello\n555 0\n400 1000\nsecret\n", output.Out);
        Assert.NotEqual(0, exit.Status);
        var (_, asRoot) = await RunAsync(group, spec with { User = "root" });
        Assert.Contains("Read-only file system", asRoot.Error);
    }

    [Fact]
    public async Task A_step_that_ignores_its_stop_signal_is_killed_after_its_grace()
    {
        var group = await GroupAsync();
        var spec = Script("trap '' TERM; echo ready; while :; do sleep 1; done") with { StopGrace = TimeSpan.FromMilliseconds(300) };
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var output = new Recording();
        await using var container = await group.PrepareAsync(spec, Stop);
        var run = group.RunAsync(container, StartSpec.AsPrepared, output, cancel.Token);
        await output.First;
        var watch = Stopwatch.StartNew();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.InRange(watch.ElapsedMilliseconds, 250, 8000);
    }

    [Fact]
    public async Task A_step_that_obeys_its_stop_signal_may_say_a_last_word()
    {
        var group = await GroupAsync();
        var spec = Script("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 1; done");
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var output = new Recording();
        await using var container = await group.PrepareAsync(spec, Stop);
        var run = group.RunAsync(container, StartSpec.AsPrepared, output, cancel.Token);
        await output.First;
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.Equal("ready\nbye\n", output.Out);
    }

    [Fact]
    public async Task The_deadline_ends_a_step_without_its_caller()
    {
        var group = await GroupAsync();
        var (exit, _) = await RunAsync(group, Script("sleep 60") with { Deadline = TimeSpan.FromMilliseconds(300) });
        Assert.Equal(new ContainerExit.Signaled(15), exit);
    }

    [Fact]
    public async Task Too_much_memory_is_told_from_a_signal()
    {
        var group = await GroupAsync();
        var spec = Script("tail /dev/zero") with { Limits = new ResourceLimits(MemoryBytes: 32 << 20) };
        var (exit, _) = await RunAsync(group, spec);
        Assert.Equal(new ContainerExit.OutOfMemory(32 << 20), exit);
    }

    [Fact]
    public async Task Services_are_found_by_name_and_their_health_is_awaited()
    {
        var group = await GroupAsync();
        var spec = Script("sleep 1; mkdir /www; echo hi > /www/index.html; httpd -f -p 8080 -h /www") with
        {
            Name = "web",
            HealthCheck = new HealthCheck(["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/index.html"], TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), 100, TimeSpan.Zero),
        };
        var service = await group.StartServiceAsync(spec, new Recording(), Stop);
        await service.WaitUntilHealthyAsync(Stop);
        var (exit, output) = await RunAsync(group, "wget -q -O - http://web:8080/index.html");
        Assert.Equal((0, "hi\n"), (exit.Status, output.Out));
        await service.DisposeAsync();
        Assert.True(service.Exited.IsCompleted);
    }

    [Fact]
    public async Task Without_a_network_there_is_only_loopback()
    {
        var group = await GroupAsync();
        var (_, output) = await RunAsync(group, Script("ls /sys/class/net") with { Network = NetworkMode.None });
        Assert.Equal("lo\n", output.Out);
    }

    [Fact]
    public async Task Steps_side_by_side_have_a_loopback_each()
    {
        var group = await GroupAsync();
        var runs = Enumerable.Range(0, 3).Select(_ => RunAsync(group, "echo hi > /tmp/f; (timeout 2 nc -l -p 7000 < /tmp/f > /dev/null &) ; sleep 0.5; nc -w 1 127.0.0.1 7000 < /dev/null"));
        Assert.All(await Task.WhenAll(runs), r => Assert.Equal("hi\n", r.Output.Out));
    }

    [Fact]
    public async Task The_profile_is_in_force()
    {
        var group = await GroupAsync();
        var (_, output) = await RunAsync(group, "grep -E 'NoNewPrivs|Seccomp:|CapBnd' /proc/self/status | tr -d '\\t'; cat /proc/kcore | wc -c; mount -t tmpfs x /tmp");
        Assert.Equal("CapBnd:00000000800405fb\nNoNewPrivs:1\nSeccomp:2\n0\n", output.Out);
        Assert.NotEqual("", output.Error);
    }

    [Fact]
    public async Task A_directory_image_is_refused_with_the_remedy()
    {
        var failure = await Assert.ThrowsAsync<ContainerException>(() => engine.PullAsync(DockerEngineFixture.Parse("rootfs:/"), new PullOptions(), null, Stop));
        Assert.Equal(ContainerFailure.InvalidImage, failure.Reason);
        Assert.Contains("--engine oci", failure.Message);
    }

    [Fact]
    public async Task A_group_leaves_nothing_on_the_engine()
    {
        var group = await GroupAsync(new WorkspaceSpec { BasePath = "/w", TreePath = "/w", SourceDirectory = folder.Path, CopyOnWrite = true });
        await RunAsync(group, "true");
        await group.PrepareAsync(Script("true"), Stop);
        await group.DisposeAsync();
        Assert.Equal(0, await engine.ReapAsync(nameof(Docker_engine), Stop));
    }

    private async Task<IContainerGroup> GroupAsync(WorkspaceSpec? workspace = null)
    {
        var group = await engine.CreateGroupAsync(new GroupSpec { Id = $"t{Guid.NewGuid():N}", Owner = nameof(Docker_engine), Workspace = workspace }, Stop);
        left.Add(group);
        return group;
    }

    private ContainerSpec Script(string script) => new() { Name = "step", Image = docker.Image, Entrypoint = ["sh", "-c", script] };

    private Task<(ContainerExit Exit, Recording Output)> RunAsync(IContainerGroup group, string script) => RunAsync(group, Script(script));

    private static async Task<(ContainerExit Exit, Recording Output)> RunAsync(IContainerGroup group, ContainerSpec spec, StartSpec? start = null)
    {
        var output = new Recording();
        await using var container = await group.PrepareAsync(spec, Stop);
        return (await group.RunAsync(container, start ?? StartSpec.AsPrepared, output, Stop), output);
    }
}
