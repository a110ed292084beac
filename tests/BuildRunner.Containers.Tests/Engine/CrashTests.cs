using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using BuildRunner.Containers.Engine;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>kill -9 of a part at every phase: nothing runs on, and the host is clean, at the latest after the next start.</summary>
public class CrashTests
{
    /// <summary>Makes this executable the process that these tests kill, if it was started as such.</summary>
    [ModuleInitializer]
    internal static void BecomeTheVictim() => CrashingProcess.RunIfTold();

    /// <summary>What makes the containers.</summary>
    protected virtual string Runtime => "runc";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("group")]
    [InlineData("preparing")]
    [InlineData("prepared")]
    [InlineData("running")]
    [InlineData("stopping")]
    public async Task When_the_caller_is_killed_nothing_is_left(string phase)
    {
        await using var host = CreateHost();
        var auditor = host.Auditor;
        var child = await StartChildAsync(host, phase);
        var helpers = DescendantsOf(child.Id);
        Assert.NotEmpty(helpers);
        child.Kill();
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Empty(await auditor.FindingsAfterAsync(Limit));

        // Also those that were ready for a group that nobody had asked for yet, of which nothing else shows.
        var began = TimeProvider.System.GetTimestamp();
        while (helpers.Exists(p => Directory.Exists($"/proc/{p}")))
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, "a helper lives on");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }

    [Theory]
    [InlineData("shim")]
    [InlineData("group")]
    [InlineData("init")]
    public async Task When_a_helper_is_killed_its_container_ends_and_the_groups_disposal_leaves_nothing(string verb)
    {
        await using var host = CreateHost();
        var auditor = host.Auditor;
        var group = await host.CreateGroupAsync();
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(host.Shell("echo up; sleep 600 & sleep 600"), TestContext.Current.CancellationToken);
        using var stop = new CancellationTokenSource();
        var running = group.RunAsync(container, StartSpec.AsPrepared, output, stop.Token);
        await output.Contains("up\n");
        var victim = auditor.Processes().First(p => p.Contains(verb == "init" ? "buildrunner-init" : $"buildrunner-sandbox {verb}", StringComparison.Ordinal));
        Process.GetProcessById(int.Parse(victim.Split(' ')[1].TrimEnd(':'))).Kill();
        if (verb == "group")
        {
            await stop.CancelAsync();
        }

        var exception = await Record.ExceptionAsync(() => running);
        Assert.True(verb == "init" || exception is ContainerException { Reason: ContainerFailure.Lost } or OperationCanceledException, exception?.ToString());
        await group.DisposeAsync();
        Assert.Empty(await auditor.FindingsAfterAsync(Limit));
    }

    [Theory]
    [InlineData("")]
    [InlineData("67108864")]
    public async Task When_caller_holder_and_shims_are_all_killed_the_next_start_cleans_up(string disk)
    {
        await using var host = CreateHost();
        var auditor = host.Auditor;
        var child = await StartChildAsync(host, "running", disk);
        Assert.Equal(disk.Length > 0, auditor.Findings().Any(f => f.Contains("/sys/block/loop", StringComparison.Ordinal)));

        // Held, so that it does not notice that its helpers die, and tidies up before it is killed itself.
        using (var hold = Process.Start("kill", ["-STOP", child.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
        {
            await hold.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        foreach (var process in auditor.Processes().Where(p => p.Contains("buildrunner-sandbox", StringComparison.Ordinal)))
        {
            Process.GetProcessById(int.Parse(process.Split(' ')[1].TrimEnd(':'))).Kill();
        }

        child.Kill();
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, await host.Engine.ReapAsync("somebody-else", TestContext.Current.CancellationToken));

        // Killed is not yet gone: on a machine that has much to do it takes its time, and what lives is left to the next look.
        var (began, reaped) = (TimeProvider.System.GetTimestamp(), 0);
        while (reaped == 0 && TimeProvider.System.GetElapsedTime(began) < Limit)
        {
            reaped = await host.Engine.ReapAsync("tests", TestContext.Current.CancellationToken);
        }

        Assert.Equal(1, reaped);
        Assert.Empty(await auditor.FindingsAfterAsync(Limit));
    }

    [Fact]
    public async Task What_lives_is_not_reaped()
    {
        await using var host = CreateHost();
        await using var group = await host.CreateGroupAsync();
        Assert.Equal(0, await host.Engine.ReapAsync("tests", TestContext.Current.CancellationToken));
        var container = await group.PrepareAsync(host.Shell("true"), TestContext.Current.CancellationToken);
        Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, new OutputRecorder(), TestContext.Current.CancellationToken));
    }

    private OciHost CreateHost() => OciHost.Create(o => o.RuntimePath = Runtime);

    // Those that the helpers have started too: one of a holder's keeps its user namespace.
    private static List<int> DescendantsOf(int pid)
    {
        var parents = Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
            .Select(n => int.TryParse(n, CultureInfo.InvariantCulture, out var process) ? process : 0)
            .Where(p => p > 0).ToDictionary(p => p, WaitingProcesses.ParentOf);
        bool Descends(int process) => parents.TryGetValue(process, out var parent) && (parent == pid || Descends(parent));
        return [.. parents.Keys.Where(Descends)];
    }

    private static Task<Process> StartChildAsync(OciHost host, string phase, string disk = "") => CrashingChild.StartAsync(host.Folder, phase, new()
    {
        [CrashingProcess.StateVariable] = host.Options.StateRoot,
        [CrashingProcess.SandboxVariable] = host.Options.SandboxPath,
        [CrashingProcess.DiskVariable] = disk,
        [CrashingProcess.RuntimeVariable] = host.Options.RuntimePath,
    });
}

/// <summary>The same where BuildRunner makes the containers itself.</summary>
public sealed class CrashTests_direct : CrashTests
{
    protected override string Runtime => "direct";
}
