using System.Diagnostics;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Benchmarks;

/// <summary>
/// Steps one after the other on the embedded engine, the next one prepared while one runs: from the exit of a step to the first output of the next, against
/// <c>docker run --rm --network none</c> (issue 4: at most 1/15): the one before does nothing but say something, or takes 60 ms, as a step that does something. As many wait as the engine asks for.
/// With runc and with the launcher of our own.
/// </summary>
internal static class ChainBenchmark
{
    private const int Length = 10;

    public static async Task<bool> RunAsync(int rounds)
    {
        await using var docker = await DockerPeer.StartAsync();
        await using var ours = EmbeddedEngine.Create();
        await using var direct = EmbeddedEngine.Create("direct");
        var (between, trivial) = (new List<double>(), new List<double>());
        var (betweenDirect, trivialDirect) = (new List<double>(), new List<double>());
        var comparison = new Comparison($"chains of {Length} steps");
        comparison.Add("spawn true", () => Programs.RunAsync("/bin/true"));
        comparison.Add("chain of steps that take 60 ms", () => RunChainAsync(ours, between, "echo x; sleep 0.06"));
        comparison.Add("chain of trivial steps", () => RunChainAsync(ours, trivial, "echo x"));
        comparison.Add("chain of steps that take 60 ms, direct", () => RunChainAsync(direct, betweenDirect, "echo x; sleep 0.06"));
        comparison.Add("chain of trivial steps, direct", () => RunChainAsync(direct, trivialDirect, "echo x"));
        comparison.Add("docker run --rm --network none", () => docker.RunAsync("run", "--rm", "--network", "none", DockerPeer.Image, "/bin/true"));
        await comparison.MeasureAsync(rounds);
        var theirs = comparison.Of("docker run --rm --network none");
        _ = Comparison.AtMost("exit to next output, trivial steps", trivial, "docker run --rm --network none", theirs, 1.0 / 15);
        _ = Comparison.AtMost("exit to next output, trivial steps, direct", trivialDirect, "docker run --rm --network none", theirs, 1.0 / 15);
        _ = Comparison.AtMost("exit to next output, steps of 60 ms, direct", betweenDirect, "docker run --rm --network none", theirs, 1.0 / 15);
        return Comparison.AtMost("exit to next output, steps of 60 ms", between, "docker run --rm --network none", theirs, 1.0 / 15);
    }

    private static async Task RunChainAsync(EmbeddedEngine ours, List<double> between, string script)
    {
        await using var group = await ours.NewGroupAsync();
        var spec = ours.Step("/bin/sh", "-c", script);
        var waiting = new Queue<Task<IPreparedContainer>>();
        long? ended = null;
        for (var step = 0; step < Length; step++)
        {
            if (waiting.Count == 0)
            {
                waiting.Enqueue(group.PrepareAsync(spec, CancellationToken.None));
            }

            var container = await waiting.Dequeue();
            var waited = ended is { } end ? Stopwatch.GetElapsedTime(end).TotalMilliseconds : 0;
            while (waiting.Count < ((IContainerEngine)ours.Engine).PreparedAhead && step + waiting.Count + 1 < Length)
            {
                waiting.Enqueue(group.PrepareAsync(spec, CancellationToken.None));
            }

            var watch = new ByteWatch();
            await group.RunAsync(container, StartSpec.AsPrepared, watch, CancellationToken.None);
            if (ended is not null)
            {
                between.Add(waited + watch.First);
            }

            ended = Stopwatch.GetTimestamp();
        }
    }
}
