using BuildRunner.Containers.Engine;
using BuildRunner.Testing;
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

    [Fact]
    public async Task Processors_are_limited_for_the_workflow_as_a_whole()
    {
        await using var host = OciHost.Create();
        var id = $"test-{Guid.CreateVersion7():N}";
        host.Auditor.Watch(id);
        var spec = new GroupSpec { Id = id, Owner = "tests", Limits = new ResourceLimits(Cpus: 1.5) };
        await using var group = await host.Engine.CreateGroupAsync(spec, Cancellation);

        var settings = Settings(id, "cpu.max").Concat(Settings(id, "cpu.cfs_quota_us").Zip(Settings(id, "cpu.cfs_period_us"), (quota, period) => $"{quota} {period}"));

        Assert.Equal("150000 100000", Assert.Single(settings));
    }

    [Fact]
    public async Task A_limit_of_memory_leaves_no_swap_to_a_workflow_or_a_step()
    {
        await using var host = OciHost.Create();
        const long ofAll = 96 << 20, ofStep = 64 << 20;
        var id = $"test-{Guid.CreateVersion7():N}";
        host.Auditor.Watch(id);
        await using var group = await host.Engine.CreateGroupAsync(new GroupSpec { Id = id, Owner = "tests", Limits = new ResourceLimits(MemoryBytes: ofAll) }, Cancellation);
        await using var container = await group.PrepareAsync(host.Shell("true") with { Limits = new ResourceLimits(MemoryBytes: ofStep) }, Cancellation);

        AssertNoSwap(id, ofAll);
        AssertNoSwap(id + "/c1", ofStep);
    }

    /// <summary>Version 1 counts memory and swap together, version 2 swap alone.</summary>
    private static void AssertNoSwap(string cgroup, long limit)
    {
        string[] both = [.. Settings(cgroup, "memory.memsw.limit_in_bytes")], alone = [.. Settings(cgroup, "memory.swap.max")];
        Requires.That(both.Length + alone.Length > 0, "a kernel that accounts for swap");
        Assert.All(both, value => Assert.Equal($"{limit}", value));
        Assert.All(alone, value => Assert.Equal("0", value));
    }

    /// <summary>What the kernel says of a cgroup, in every hierarchy that has the file.</summary>
    private static IEnumerable<string> Settings(string cgroup, string file) =>
        from hierarchy in Directory.EnumerateDirectories("/sys/fs/cgroup").Append("/sys/fs/cgroup")
        let path = $"{hierarchy}/buildrunner/{cgroup}/{file}"
        where File.Exists(path)
        select File.ReadAllText(path).Trim();

    private static async Task<(ContainerExit Exit, OutputRecorder Output)> RunAsync(OciHost host, IContainerGroup group, string script)
    {
        var output = new OutputRecorder();
        await using var container = await group.PrepareAsync(host.Shell(script), Cancellation);
        return (await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation), output);
    }
}
