using System.Runtime.CompilerServices;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>BuildRunner's own launcher is held at an exact point between its forks and the container's first instruction, and the shim is killed there, or its caller goes: nothing is left, nothing goes on.</summary>
public sealed class Sudden_death_of_a_launch
{
    private const int Clone3 = 435, PivotRoot = 155, Execute = 59;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Makes this executable the tracer, if it was started as such.</summary>
    [ModuleInitializer]
    internal static void BecomeTheTracer() => LaunchTracer.RunIfTold();

    /// <summary>The first is born, makes the second, which is born, mounts, becomes the program.</summary>
    public static TheoryData<string> Points => ["first born", "first step 1", $"first call {Clone3}", "first made", "second born", $"second call {PivotRoot}", $"second call {Execute}", "second executed"];

    [Theory]
    [MemberData(nameof(Points))]
    public async Task When_the_shim_is_killed_nothing_goes_on(string point) => Assert.True(await KillTheShimAsync(point), $"'{point}' was not reached");

    [Theory]
    [MemberData(nameof(Points))]
    public async Task When_the_caller_goes_the_shim_ends_only_after_all_that_it_had_begun(string point)
    {
        await using var host = Create();
        var group = await host.CreateGroupAsync();
        await using var tracer = await LaunchTracer.StartAsync(await SpareShimAsync(host), point);
        using var caller = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var preparing = group.PrepareAsync(host.Shell("sleep 600"), caller.Token);
        Assert.NotNull(await tracer.HeldAsync());
        await caller.CancelAsync();
        var ended = await tracer.WatchAsync();
        Assert.EndsWith("helper", ended, StringComparison.Ordinal);
        Assert.Contains("first", ended, StringComparison.Ordinal);
        Assert.True(point.StartsWith("first", StringComparison.Ordinal) && point != "first made" || ended.Contains("second", StringComparison.Ordinal), $"the shim ended before the container's process: {ended}");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => preparing);
        await group.DisposeAsync();
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
    }

    /// <summary>
    /// Each of the some hundreds of system calls between the fork and the moment in which the container is ready. Minutes, so on demand, and in parts where that is said: <c>BUILDRUNNER_LAUNCH_STEPS=1-60</c>.
    /// </summary>
    [Theory(Explicit = true)]
    [InlineData("first")]
    [InlineData("second")]
    public async Task When_the_shim_is_killed_before_any_system_call_nothing_goes_on(string who)
    {
        var part = Environment.GetEnvironmentVariable("BUILDRUNNER_LAUNCH_STEPS")?.Split('-').Select(int.Parse).ToArray();
        var (from, to) = part is [var first, var last] ? (first, last) : (1, int.MaxValue);
        var step = from;
        while (step <= to && await KillTheShimAsync($"{who} step {step}"))
        {
            step++;
            TestContext.Current.SendDiagnosticMessage($"{who}: killed before call {step - 1}");
        }

        Assert.True(part is not null || step > (who == "first" ? 5 : 100), $"only {step - 1} calls");
    }

    [Fact]
    public async Task When_the_holder_is_killed_before_it_has_written_the_map_of_ids_nothing_goes_on()
    {
        await using var host = OciHost.Create();
        var (helper, own, gate, ready) = (host.Options.SandboxPath!, host.Folder["helper"], host.Folder["gate"], host.Folder["ready"]);
        await File.WriteAllTextAsync(own, $"#!/bin/sh\n[ \"$1\" != group ] || {{ mkfifo {gate} && echo $$ > {ready}.new && mv {ready}.new {ready} && read -r go < {gate}; }}\nexec {helper} \"$@\"\n", Cancellation);
        File.SetUnixFileMode(own, (UnixFileMode)0x1ED);
        await using var gated = OciHost.Create(o => o.SandboxPath = own);
        var making = gated.CreateGroupAsync();
        await UntilAsync(() => File.Exists(ready));
        await using var tracer = await LaunchTracer.StartAsync(int.Parse(await File.ReadAllTextAsync(ready, Cancellation)), "first born");
        await File.WriteAllTextAsync(gate, "go\n", Cancellation);
        var held = await tracer.HeldAsync();
        Assert.NotNull(held);
        Assert.Equal("helper", await tracer.KillAsync());
        await Assert.ThrowsAsync<ContainerException>(() => making);
        await UntilAsync(() => !Lives(held.Value.First));
        gated.Options.SandboxPath = helper;
        _ = await gated.Engine.ReapAsync("tests", Cancellation);
        Assert.Empty(await gated.Auditor.FindingsAfterAsync(Limit));
    }

    /// <summary>False: the container was prepared before the point was reached.</summary>
    private static async Task<bool> KillTheShimAsync(string point)
    {
        await using var host = Create();
        var group = await host.CreateGroupAsync();
        await using var tracer = await LaunchTracer.StartAsync(await SpareShimAsync(host), point);
        var preparing = group.PrepareAsync(host.Shell("sleep 600"), Cancellation);
        var holding = tracer.HeldAsync();
        if (await Task.WhenAny(preparing, holding) == preparing && preparing.IsCompletedSuccessfully)
        {
            await group.DisposeAsync();
            Assert.Null(await holding);
            return false;
        }

        var held = await holding;
        Assert.NotNull(held);
        await tracer.KillAsync();

        // Where the container says that it is ready, its next call may come before that is heard here.
        var end = await Record.ExceptionAsync(() => preparing);
        Assert.True(end is null or ContainerException { Reason: ContainerFailure.Lost }, $"{end}");
        await UntilAsync(() => !Lives(held.Value.First) && !Lives(held.Value.Second));
        await group.DisposeAsync();
        Assert.Empty(await host.Auditor.FindingsAfterAsync(Limit));
        return end is not null;
    }

    /// <summary>With a helper of its own, by whose name its processes are found.</summary>
    private static OciHost Create() => OciHost.Create(o =>
    {
        o.RuntimePath = "direct";
        var own = Path.Combine(Path.GetDirectoryName(o.ScratchRoot)!, "helper");
        File.Copy(o.SandboxPath!, own);
        o.SandboxPath = own;
    });

    private static Task<int> SpareShimAsync(OciHost host) => HelperProcesses.FindAsync(host.Options.SandboxPath!, "shim", Cancellation);

    private static bool Lives(int id) => id > 0 && HelperProcesses.TryRead($"/proc/{id}/stat") is { Length: > 0 } stat && stat[(stat.LastIndexOf(')') + 2)..][0] is not ('Z' or 'X');

    private static async Task UntilAsync(Func<bool> condition)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(began) < Limit, "it did not come to that");
            await Task.Delay(10, Cancellation);
        }
    }
}
