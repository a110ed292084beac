using BuildRunner.Containers.Engine;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>Each step proves from inside that it is fresh, and has the profile's protection.</summary>
public sealed class FreshnessTests
{
    private const string Report =
        """
        for n in mnt pid ipc uts cgroup net user; do echo $n $(readlink /proc/self/ns/$n); done
        grep -E '^(Seccomp|NoNewPrivs|CapInh|CapPrm|CapEff|CapBnd|CapAmb):' /proc/self/status | tr '\t' ' '
        echo uid_map $(cat /proc/self/uid_map)
        """;

    [Fact]
    public async Task Every_step_has_namespaces_of_its_own_except_for_the_workflows_users()
    {
        await using var host = OciHost.Create();
        await using var group = await host.CreateGroupAsync();
        await using var other = await host.CreateGroupAsync();
        var steps = new[] { await ReportAsync(host, group), await ReportAsync(host, group), await ReportAsync(host, other) };
        foreach (var name in new[] { "mnt", "pid", "ipc", "uts", "cgroup", "net" })
        {
            var seen = steps.Select(s => s[name]).Append(new FileInfo("/proc/self/ns/" + name).LinkTarget).ToList();
            Assert.True(seen.Distinct().Count() >= 3, $"{name}: {string.Join(' ', seen)}");
            Assert.DoesNotContain(seen[^1], seen[..^1]);
        }

        Assert.Equal(steps[0]["user"], steps[1]["user"]);
        Assert.NotEqual(steps[0]["user"], steps[2]["user"]);
        Assert.NotEqual(steps[0]["uid_map"], steps[2]["uid_map"]);
        Assert.DoesNotContain(new FileInfo("/proc/self/ns/user").LinkTarget, steps.Select(s => s["user"]));
    }

    [Fact]
    public async Task Namespaces_of_two_steps_that_live_at_once_differ()
    {
        await using var host = OciHost.Create();
        await using var group = await host.CreateGroupAsync();
        var output = new OutputRecorder();
        await using var service = await group.StartServiceAsync(host.Shell(Report + "echo; echo done; sleep 600", "service"), output, TestContext.Current.CancellationToken);
        await output.Contains("done\n");
        var (first, second) = (Parse(output.Out), await ReportAsync(host, group));
        Assert.All(new[] { "mnt", "pid", "ipc", "uts", "cgroup", "net" }, name => Assert.NotEqual(first[name], second[name]));
    }

    [Theory]
    [InlineData(null, "00000000800405fb")]
    [InlineData("builder", "0000000000000000")]
    public async Task The_filter_and_the_capabilities_are_those_of_the_profile(string? user, string effective)
    {
        await using var host = OciHost.Create();
        await using var group = await host.CreateGroupAsync();
        var report = await ReportAsync(host, group, user);
        Assert.Equal("2", report["Seccomp:"]);
        Assert.Equal("1", report["NoNewPrivs:"]);
        Assert.Equal(effective, report["CapEff:"]);
        Assert.Equal(effective, report["CapPrm:"]);
        Assert.Equal("00000000800405fb", report["CapBnd:"]);
        Assert.Equal("0000000000000000", report["CapInh:"]);
        Assert.Equal("0000000000000000", report["CapAmb:"]);
    }

    [Fact]
    public async Task The_writable_layer_is_empty_at_the_start()
    {
        await using var host = OciHost.Create();
        await using var group = await host.CreateGroupAsync();
        await using var container = await group.PrepareAsync(host.Shell("true"), TestContext.Current.CancellationToken);
        var upper = Directory.EnumerateDirectories(host.Options.ScratchRoot).SelectMany(g => Directory.EnumerateDirectories(g, "c*")).Select(c => c + "/upper").Single();

        // Mount points that the image lacks; nothing else.
        Assert.DoesNotContain(Directory.EnumerateFiles(upper, "*", SearchOption.AllDirectories), f => new FileInfo(f).Length > 0);
        Assert.Subset(new HashSet<string> { "dev", "etc", "proc", "sys", ".buildrunner" }, Directory.EnumerateDirectories(upper).Select(d => Path.GetFileName(d)!).ToHashSet());
    }

    [Fact]
    public async Task The_writable_layer_is_never_waited_for_on_the_disk()
    {
        Requires.That(Environment.OSVersion.Version >= new Version(5, 10), "Linux 5.10");
        await using var host = OciHost.Create();
        await using var group = await host.CreateGroupAsync();
        var output = new OutputRecorder();
        await using var container = await group.PrepareAsync(host.Shell("grep ' / / ' /proc/self/mountinfo"), TestContext.Current.CancellationToken);
        await group.RunAsync(container, StartSpec.AsPrepared, output, TestContext.Current.CancellationToken);
        Assert.Matches(@" - overlay .*\bvolatile\b", output.Out);
    }

    [Fact]
    public async Task Processes_of_a_step_are_nobody_on_the_host()
    {
        await using var host = OciHost.Create();
        await using var group = await host.CreateGroupAsync();
        var output = new OutputRecorder();
        await using var service = await group.StartServiceAsync(host.Shell("echo up; exec sleep 604"), output, TestContext.Current.CancellationToken);
        await output.Contains("up\n");
        var process = host.Auditor.Processes().Single(p => p.Contains("sleep 604", StringComparison.Ordinal)).Split(' ')[1].TrimEnd(':');
        var uid = uint.Parse(File.ReadLines($"/proc/{process}/status").First(l => l.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1]);
        Assert.True(uid >= host.Options.FirstHostId, $"uid {uid}");
    }

    private static async Task<Dictionary<string, string>> ReportAsync(OciHost host, IContainerGroup group, string? user = null)
    {
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(host.Shell(Report) with { User = user }, TestContext.Current.CancellationToken);
        Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, TestContext.Current.CancellationToken));
        return Parse(output.Out);
    }

    private static Dictionary<string, string> Parse(string report) =>
        report.Split('\n').Where(l => l.Contains(' ')).Select(l => l.Split(' ', 2)).ToDictionary(w => w[0], w => w[1]);
}
