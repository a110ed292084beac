using System.Diagnostics;
using System.Text.RegularExpressions;
using BuildRunner.Containers.Engine;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>Who moves whom into which cgroup for a step, as <c>strace</c> sees it: a move of a process that is not who moves waits for every processor, and no step shall wait for that.</summary>
public sealed partial class Entering_cgroups
{
    private const string Command = "echo entered";

    /// <summary>What the shim's caller is told when the container waits for its command: a frame without content.</summary>
    private const string Prepared = @"\1\0\0\0@";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("runc")]
    [InlineData("direct")]
    public async Task Is_over_when_a_step_is_asked_for(string runtime)
    {
        var (_, calls) = await TraceAsync(runtime);
        var asked = calls.FindIndex(c => c.Contains($"\"{Prepared}\"", StringComparison.Ordinal));
        var runs = calls.FindIndex(c => c.Contains("execve(\"/bin/sh\"", StringComparison.Ordinal) && c.Contains(Command, StringComparison.Ordinal));
        Assert.True(asked >= 0 && runs > asked, string.Join('\n', calls));
        Assert.DoesNotContain(calls[asked..runs], IsMove);
        Assert.Contains(calls[..asked], IsMove);
    }

    [Fact]
    public async Task Is_with_our_own_launcher_only_done_by_the_process_that_enters()
    {
        Requires.That(Directory.Exists("/sys/fs/cgroup/memory"), "cgroups of version 1");
        var moves = (await TraceAsync("direct")).Calls.Where(IsMove).ToList();
        Assert.NotEmpty(moves);
        Assert.All(moves, m => Assert.Matches("""/tasks>, "0", 1""", m));
        _ = Assert.Single(moves.Select(m => m.Split(' ')[0]).Distinct());
    }

    [Fact]
    public async Task Is_with_a_runtime_waited_for_before_the_runtime_comes_to_it()
    {
        var (shim, calls) = await TraceAsync("runc");
        var first = calls.FindIndex(c => IsMove(c) && Moved().Match(c).Groups["who"].Value == $"{shim}");
        var runtimes = calls.FindIndex(c => IsMove(c) && Moved().Match(c).Groups["who"].Value != $"{shim}");
        Assert.True(first >= 0 && runtimes > first, string.Join('\n', calls.Where(IsMove)));
    }

    private static bool IsMove(string call) => Moved().IsMatch(call);

    /// <summary>The calls of a container's shim and of all that it starts, from before it knows its container to its end.</summary>
    private static async Task<(int Shim, List<string> Calls)> TraceAsync(string runtime)
    {
        Requires.Program("strace");
        await using var host = OciHost.Create(o =>
        {
            o.RuntimePath = runtime;

            // By whose name its processes are found.
            var own = Path.Combine(Path.GetDirectoryName(o.ScratchRoot)!, "helper");
            File.Copy(o.SandboxPath!, own);
            o.SandboxPath = own;
        });
        await using var group = await host.CreateGroupAsync();
        var shim = await HelperProcesses.FindAsync(host.Options.SandboxPath!, "shim", Cancellation);
        var trace = host.Folder["trace"];
        using var strace = await StartAsync(shim, trace);
        var output = new OutputRecorder();
        var container = await group.PrepareAsync(host.Shell(Command), Cancellation);
        Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, Cancellation));
        Assert.Equal("entered\n", output.Out);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(Limit);

        // It ends when the shim does, with all that it has seen written down.
        await strace.WaitForExitAsync(limit.Token);
        return (shim, [.. await File.ReadAllLinesAsync(trace, Cancellation)]);
    }

    private static async Task<Process> StartAsync(int process, string file)
    {
        var info = new ProcessStartInfo("strace") { RedirectStandardError = true };
        foreach (var argument in (string[])["-f", "-y", "-s", "60", "-e", "trace=write,execve", "-e", "signal=none", "-o", file, "-p", $"{process}"])
        {
            info.ArgumentList.Add(argument);
        }

        var strace = Process.Start(info)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(Limit);
        var said = await strace.StandardError.ReadLineAsync(limit.Token);
        Assert.Contains("attached", said, StringComparison.Ordinal);
        _ = strace.StandardError.ReadToEndAsync(CancellationToken.None);
        return strace;
    }

    /// <summary>A call that moves somebody into a cgroup; whom.</summary>
    [GeneratedRegex("""write\(\d+</sys/fs/cgroup/[^>]*/(cgroup\.procs|cgroup\.threads|tasks)>, "(?<who>\d+)""")]
    private static partial Regex Moved();
}
