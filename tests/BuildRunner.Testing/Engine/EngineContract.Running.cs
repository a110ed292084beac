using System.Text;
using BuildRunner.Containers.Engine;
using Xunit;

namespace BuildRunner.Testing.Engine;

public abstract partial class EngineContract
{
    [Fact]
    public async Task A_command_runs_and_its_output_and_exit_code_come_back()
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "echo out; echo err >&2; exit 7");
        Assert.Equal(new ContainerExit.Exited(7), result.Exit);
        Assert.Equal(("out\n", "err\n"), (result.Out, result.Error));
    }

    [Fact]
    public async Task A_command_that_a_signal_ended_is_reported_with_the_signal()
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "kill -SEGV $$");
        Assert.Equal(new ContainerExit.Signaled(11), result.Exit);
    }

    [Fact]
    public async Task Command_and_environment_can_be_completed_when_a_prepared_container_is_started()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var spec = Shell(host, "false") with { Environment = new Dictionary<string, string> { ["A"] = "prepared", ["B"] = "prepared" } };
        var start = new StartSpec { Arguments = ["sh", "-c", "echo $A $B"], Environment = new Dictionary<string, string> { ["B"] = "started" } };
        Assert.Equal("prepared started", (await RunAsync(group, spec, start)).Text);
    }

    [Fact]
    public async Task A_prepared_container_runs_nothing_before_it_is_started()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, Direct(host));
        await using (await group.PrepareAsync(Shell(host, "touch /woodpecker/src/ran"), Cancellation))
        {
        }

        Assert.False(File.Exists(host.Folder["tree/ran"]));
    }

    [Fact]
    public async Task A_container_runs_once()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var container = await group.PrepareAsync(Shell(host, "true"), Cancellation);
        await group.RunAsync(container, StartSpec.AsPrepared, new OutputRecorder(), Cancellation);
        await Assert.ThrowsAnyAsync<ArgumentException>(() => group.RunAsync(container, StartSpec.AsPrepared, new OutputRecorder(), Cancellation));
    }

    [Theory]
    [InlineData("no-such-program", ContainerFailure.CommandNotFound)]
    [InlineData("/no/such/program", ContainerFailure.CommandNotFound)]
    [InlineData("/etc/passwd", ContainerFailure.CommandNotExecutable)]
    [InlineData("/.buildrunner/script", ContainerFailure.CommandNotExecutable)]
    [InlineData("/.buildrunner/text", ContainerFailure.CommandNotExecutable)]
    public async Task A_command_that_cannot_be_executed_is_an_error_that_names_it(string command, ContainerFailure reason)
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var spec = Shell(host, "true") with
        {
            Entrypoint = [command],
            Files =
            [
                new InjectedFile("script", "#!/no/such/shell\n"u8.ToArray(), Executable: true),
                new InjectedFile("text", "echo without a first line\n"u8.ToArray(), Executable: true),
            ],
        };
        var error = await Assert.ThrowsAsync<ContainerException>(() => RunAsync(group, spec));
        Assert.Equal(reason, error.Reason);
        Assert.Contains(command, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Output_of_any_size_arrives_whole_and_in_order()
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "i=0; while [ $i -lt 200000 ]; do echo line $i; i=$((i+1)); done");
        var lines = result.Text.Split('\n');
        Assert.Equal(200000, lines.Length);
        Assert.Equal(Enumerable.Range(0, 200000).Select(i => $"line {i}"), lines);
    }

    [Fact]
    public async Task A_slow_reader_slows_the_container_down_and_loses_nothing()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var sink = new GatedSink();
        var container = await group.PrepareAsync(Shell(host, "dd if=/dev/zero bs=65536 count=640 2>/dev/null"), Cancellation);
        var running = group.RunAsync(container, StartSpec.AsPrepared, sink, Cancellation);
        await sink.FirstWrite;
        Assert.False(running.IsCompleted);
        sink.Open();
        Assert.Equal(new ContainerExit.Exited(0), await running);
        Assert.Equal(640 * 65536, sink.Bytes);
    }

    [Fact]
    public async Task A_reader_that_fails_ends_the_container_and_its_error_comes_back()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var container = await group.PrepareAsync(Shell(host, "echo x; sleep 600"), Cancellation);
        await Assert.ThrowsAsync<IOException>(() => group.RunAsync(container, StartSpec.AsPrepared, new FailingSink(), Cancellation));
    }

    [Fact]
    public async Task Injected_files_are_there_and_cannot_be_changed()
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "cat /.buildrunner/plain; /.buildrunner/script; touch /.buildrunner/plain 2>/dev/null || echo refused", s => s with
        {
            Files = [new InjectedFile("plain", "content\n"u8.ToArray()), new InjectedFile("script", "#!/bin/sh\necho executed\n"u8.ToArray(), Executable: true)],
        });
        Assert.Equal(LocksFiles ? "content\nexecuted\nrefused" : "content\nexecuted", result.Text);
    }

    [Fact]
    public async Task A_secret_file_is_in_memory_and_only_for_the_containers_user()
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "cat /.buildrunner/key; stat -c '%a %U' /.buildrunner/key; stat -f -c %T /.buildrunner/key", s => s with
        {
            User = "builder",
            Files = [new InjectedFile("key", Encoding.UTF8.GetBytes("secret\n"), Secret: true)],
        });
        Assert.Equal("secret\n400 builder\ntmpfs", result.Text);
    }

    [Theory]
    [InlineData("builder", "1000 1000 1000 1500 1501")]
    [InlineData("1000", "1000 1000 1000 1500 1501")]
    [InlineData("builder:extra", "1000 1500 1500")]
    [InlineData("4242", "4242 0 0")]
    [InlineData("4242:4343", "4242 4343 4343")]
    [InlineData(null, "0 0 0")]
    public async Task A_container_runs_as_the_user_that_was_asked_for(string? user, string ids)
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "echo $(id -u) $(id -g) $(id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' ')", s => s with { User = user });
        Assert.Equal(ids, result.Text);
    }

    [Fact]
    public async Task A_user_that_the_image_does_not_have_is_an_error_that_names_it()
    {
        await using var host = CreateHost();
        var error = await Assert.ThrowsAsync<ContainerException>(() => RunAloneAsync(host, "true", s => s with { User = "nobody-here" }));
        Assert.Equal(ContainerFailure.InvalidSpec, error.Reason);
        Assert.Contains("nobody-here", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_working_directory_that_is_missing_is_made()
    {
        await using var host = CreateHost();
        Assert.Equal("/deep/down", (await RunAloneAsync(host, "pwd", s => s with { WorkingDirectory = "/deep/down" })).Text);
    }

    [Fact]
    public async Task The_home_directory_is_the_users_unless_the_environment_says_otherwise()
    {
        await using var host = CreateHost();
        Assert.Equal("/home/builder", (await RunAloneAsync(host, "echo $HOME", s => s with { User = "builder" })).Text);
        var environment = new Dictionary<string, string> { ["HOME"] = "/elsewhere" };
        Assert.Equal("/elsewhere", (await RunAloneAsync(host, "echo $HOME", s => s with { Environment = environment })).Text);
    }

    private sealed class GatedSink : IOutputSink
    {
        private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task FirstWrite => _first.Task;

        public long Bytes { get; private set; }

        public void Open() => _open.SetResult();

        public async ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken)
        {
            _first.TrySetResult();
            await _open.Task;
            Bytes += bytes.Length;
        }
    }

    private sealed class FailingSink : IOutputSink
    {
        public ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken) =>
            throw new IOException("The log cannot be stored.");
    }
}
