using BuildRunner.Containers.Engine;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>What a workflow may take is one limit for all of its containers together.</summary>
public sealed class Limits_of_a_workflow
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Processes_of_a_service_count_for_its_steps()
    {
        await using var host = OciHost.Create();
        const string many = "for i in $(seq 30); do sleep 600 & done 2>/dev/null; echo all; ";
        await using var group = await host.CreateGroupAsync(limits: new ResourceLimits(Pids: 50));
        Assert.Equal("all\n", (await RunAsync(host, group, many)).Output.Out);

        var service = new OutputRecorder();
        await using var running = await group.StartServiceAsync(host.Shell(many + "sleep 600", "service"), service, Cancellation);
        await service.Contains("all\n");
        Assert.DoesNotContain("all", (await RunAsync(host, group, many)).Output.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Memory_of_a_service_counts_for_its_steps()
    {
        await using var host = OciHost.Create();
        const string much = "head -c 50000000 /dev/zero > /dev/shm/much && echo all; ";
        await using var group = await host.CreateGroupAsync(limits: new ResourceLimits(MemoryBytes: 80 << 20));
        Assert.Equal("all\n", (await RunAsync(host, group, much)).Output.Out);

        var service = new OutputRecorder();
        await using var running = await group.StartServiceAsync(host.Shell(much + "sleep 600", "service"), service, Cancellation);
        await service.Contains("all\n");
        var (exit, output) = await RunAsync(host, group, "exec tail -c 50000000 /dev/zero");
        Assert.True(exit.Status == 137, $"{exit}: {output.Error}");
    }

    private static async Task<(ContainerExit Exit, OutputRecorder Output)> RunAsync(OciHost host, IContainerGroup group, string script)
    {
        var output = new OutputRecorder();
        await using var container = await group.PrepareAsync(host.Shell(script), Cancellation);
        return (await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation), output);
    }
}
