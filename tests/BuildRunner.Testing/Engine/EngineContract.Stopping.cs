using BuildRunner.Containers.Engine;
using Xunit;

namespace BuildRunner.Testing.Engine;

public abstract partial class EngineContract
{
    [Fact]
    public async Task A_cancelled_command_gets_the_stop_signal_and_may_finish()
    {
        await using var host = CreateHost();
        var (error, output) = await CancelAsync(host, Shell(host, "trap 'echo stopping; exit 3' TERM; echo ready; while true; do sleep 0.1; done"));
        Assert.IsAssignableFrom<OperationCanceledException>(error);
        Assert.Equal("ready\nstopping\n", output.Out);
    }

    [Fact]
    public async Task A_cancelled_command_that_ignores_the_signal_is_killed_after_its_grace()
    {
        await using var host = CreateHost();
        var spec = Shell(host, "trap '' TERM; echo ready; while true; do sleep 0.1; done") with { StopGrace = TimeSpan.FromMilliseconds(300) };
        var (error, _) = await CancelAsync(host, spec);
        Assert.IsAssignableFrom<OperationCanceledException>(error);
    }

    [Fact]
    public async Task A_command_whose_deadline_passes_is_ended_by_the_engine()
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "sleep 600", s => s with { Deadline = TimeSpan.FromMilliseconds(300), StopGrace = TimeSpan.FromMilliseconds(300) });
        Assert.IsType<ContainerExit.Signaled>(result.Exit);
    }

    [Fact]
    public async Task A_command_that_ignores_the_end_of_its_time_is_killed()
    {
        await using var host = CreateHost();
        var result = await RunAloneAsync(
            host, "trap '' TERM; while true; do sleep 0.1; done", s => s with { Deadline = TimeSpan.FromMilliseconds(300), StopGrace = TimeSpan.FromMilliseconds(300) });
        Assert.Equal(new ContainerExit.Signaled(9), result.Exit);
    }

    [Fact]
    public async Task A_command_whose_lease_nobody_renews_is_killed_at_once()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var output = new OutputRecorder();
        await using var container = await group.PrepareAsync(Shell(host, "trap '' TERM; echo ready; while true; do sleep 0.1; done") with { StopGrace = TimeSpan.FromHours(1) }, Cancellation);
        await container.ExtendAsync(TimeSpan.FromMinutes(10));
        var running = group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation);
        await output.Contains("ready");
        await container.ExtendAsync(TimeSpan.FromMilliseconds(300));
        Assert.Equal(ContainerFailure.Lost, (await Assert.ThrowsAsync<ContainerException>(() => running)).Reason);
    }

    [Fact]
    public async Task A_service_whose_lease_nobody_renews_is_killed_at_once()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host);
        var service = await group.StartServiceAsync(Shell(host, "trap '' TERM; while true; do sleep 0.1; done", "database") with { StopGrace = TimeSpan.FromHours(1) }, new OutputRecorder(), Cancellation);
        await service.ExtendAsync(TimeSpan.FromMinutes(10));
        Assert.False(service.Exited.IsCompleted);
        await service.ExtendAsync(TimeSpan.FromMilliseconds(300));
        Assert.Equal(ContainerFailure.Lost, (await Assert.ThrowsAsync<ContainerException>(() => service.Exited.WaitAsync(Cancellation))).Reason);
    }

    [Fact]
    public async Task The_stop_signal_is_the_images()
    {
        await using var host = CreateHost();
        var image = host.Image with { Config = host.Image.Config with { StopSignal = "SIGINT" } };
        var spec = Shell(host, "trap 'echo interrupted; exit 0' INT; echo ready; while true; do sleep 0.1; done") with { Image = image };
        Assert.Equal("ready\ninterrupted\n", (await CancelAsync(host, spec)).Output.Out);
    }

    [Fact]
    public async Task A_command_gets_no_more_processor_time_than_its_limit()
    {
        NeedsLimits();
        await using var host = CreateHost();
        const string Script = "timeout 1 sh -c 'while :; do :; done'; times > /tmp/t; tail -n 1 /tmp/t | sed 's/[^0-9.]*\\([0-9]*\\)m\\([0-9.]*\\)s.*/\\2/'";
        var seconds = double.Parse((await RunAloneAsync(host, Script, s => s with { Limits = new ResourceLimits(Cpus: 0.2) })).Text, System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(seconds, 0.01, 0.6);
    }

    [Fact]
    public async Task A_run_whose_token_is_cancelled_already_starts_nothing()
    {
        await using var host = CreateHost();
        await using var group = await CreateGroupAsync(host, Direct(host));
        var container = await group.PrepareAsync(Shell(host, "touch ran"), Cancellation);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => group.RunAsync(container, StartSpec.AsPrepared, new OutputRecorder(), new CancellationToken(canceled: true)));
        Assert.False(File.Exists(host.Folder["tree/ran"]));
    }

    [Fact]
    public async Task Disposing_a_group_ends_what_runs_in_it()
    {
        await using var host = CreateHost();
        var group = await CreateGroupAsync(host);
        var output = new OutputRecorder();
        await group.StartServiceAsync(Shell(host, "echo up; sleep 600"), output, Cancellation);
        await output.Contains("up\n");
        await group.DisposeAsync();
        await group.DisposeAsync();
    }

    [Fact]
    public async Task A_command_that_needs_more_memory_than_its_limit_ends_out_of_memory()
    {
        NeedsLimits();
        await using var host = CreateHost();
        var limit = 64L << 20;
        var result = await RunAloneAsync(host, "exec tail -c 1000000000 /dev/zero", s => s with { Limits = new ResourceLimits(MemoryBytes: limit) });
        Assert.Equal(new ContainerExit.OutOfMemory(limit), result.Exit);
    }

    [Fact]
    public async Task A_command_cannot_have_more_processes_than_its_limit()
    {
        NeedsLimits();
        await using var host = CreateHost();
        var result = await RunAloneAsync(host, "for i in $(seq 100); do sleep 100 & done 2>/dev/null; echo survived", s => s with { Limits = new ResourceLimits(Pids: 30) });
        Assert.DoesNotContain("survived", result.Out, StringComparison.Ordinal);
    }

    private static async Task<(Exception? Error, OutputRecorder Output)> CancelAsync(IEngineHost host, ContainerSpec spec)
    {
        await using var group = await CreateGroupAsync(host);
        using var cancel = new CancellationTokenSource();
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(spec, Cancellation);
        var running = group.RunAsync(container, StartSpec.AsPrepared, output, cancel.Token);
        await output.Contains("ready\n");
        await cancel.CancelAsync();
        return (await Record.ExceptionAsync(() => running), output);
    }
}
