using System.Diagnostics;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Images;

namespace BuildRunner.Benchmarks;

/// <summary>The engine docker against the docker client on the same engine (issue 7: a step in a chain 1/4, first output of a prepared step 1/15).</summary>
internal static class DockerEngineBenchmark
{
    private const int ChainLength = 10;

    /// <summary>How many steps are prepared while one runs.</summary>
    private const int Ahead = 3;

    public static async Task<bool> RunAsync(int rounds)
    {
        await using var docker = await DockerPeer.StartAsync();
        var scratch = Directory.CreateTempSubdirectory("buildrunner-docker-").FullName;
        await using var engine = new DockerEngine(new DockerEngineOptions { Host = docker.Host, ScratchDirectory = scratch }, TimeProvider.System);
        var reference = ImageReference.TryParse(DockerPeer.Image, null, out var parsed, out var problem) ? parsed : throw new InvalidOperationException(problem);
        var image = await engine.PullAsync(reference, new PullOptions { Policy = PullPolicy.Never }, null, CancellationToken.None);
        var first = await MeasureFirstOutputAsync(engine, docker, image, rounds);
        var chain = new Comparison($"a chain of {ChainLength} trivial steps, its group included");
        chain.Add("spawn true", () => Programs.RunAsync("/bin/true"));
        chain.Add("engine docker", () => RunChainAsync(engine, image));
        chain.Add("docker run --rm", async () =>
        {
            for (var step = 0; step < ChainLength; step++)
            {
                await docker.RunAsync("run", "--rm", DockerPeer.Image, "/bin/true");
            }
        });
        await chain.MeasureAsync(rounds);
        Directory.Delete(scratch, recursive: true);
        return chain.AtMost("engine docker", "docker run --rm", 0.25) & first;
    }

    private static async Task<bool> MeasureFirstOutputAsync(DockerEngine engine, DockerPeer docker, ResolvedImage image, int rounds)
    {
        await using var group = await engine.CreateGroupAsync(NewGroup(), CancellationToken.None);
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var round = -1; round < rounds; round++)
        {
            var container = await group.PrepareAsync(Step(image, "echo"), CancellationToken.None);
            var sink = new FirstByte();
            await group.RunAsync(container, StartSpec.AsPrepared, sink, CancellationToken.None);
            var milliseconds = await docker.MeasureFirstByteAsync("run", "--rm", DockerPeer.Image, "/bin/echo", "x");
            if (round >= 0)
            {
                ours.Add(sink.Milliseconds);
                theirs.Add(milliseconds);
            }
        }

        return Comparison.AtMost("first output of a prepared step", ours, "first output of docker run", theirs, 1.0 / 15);
    }

    /// <summary>Ten steps in a row, the next ones prepared while one runs.</summary>
    private static async Task RunChainAsync(DockerEngine engine, ResolvedImage image)
    {
        await using var group = await engine.CreateGroupAsync(NewGroup(), CancellationToken.None);
        var prepared = new Queue<Task<IPreparedContainer>>();
        for (var step = 0; step < ChainLength; step++)
        {
            for (var next = step + prepared.Count; next < ChainLength && prepared.Count <= Ahead; next++)
            {
                prepared.Enqueue(group.PrepareAsync(Step(image, "true"), CancellationToken.None));
            }

            var exit = await group.RunAsync(await prepared.Dequeue(), StartSpec.AsPrepared, new FirstByte(), CancellationToken.None);
            if (exit.Status != 0)
            {
                throw new InvalidOperationException($"the step ended with {exit}");
            }
        }
    }

    private static GroupSpec NewGroup() => new() { Id = $"bench-{Guid.CreateVersion7():N}", Owner = "bench" };

    private static ContainerSpec Step(ResolvedImage image, string program) => new() { Name = "step", Image = image, Entrypoint = [$"/bin/{program}", "x"] };

    /// <summary>Measures from its making to the first byte.</summary>
    private sealed class FirstByte : IOutputSink
    {
        private readonly long start = Stopwatch.GetTimestamp();

        public double Milliseconds { get; private set; }

        public ValueTask WriteAsync(OutputStream stream, ReadOnlyMemory<byte> bytes, DateTimeOffset at, CancellationToken cancellationToken)
        {
            Milliseconds = Milliseconds > 0 ? Milliseconds : Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            return ValueTask.CompletedTask;
        }
    }
}
