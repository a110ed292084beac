using System.Diagnostics;
using System.Security.Cryptography;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Images;

namespace BuildRunner.Benchmarks;

/// <summary>
/// The engine docker against the docker client on the same engine (issue 7: a step in a chain 1/4, first output of a prepared step 1/15). "A step" of a chain is what one
/// more step adds to a workflow: a chain of twenty less a chain of ten, its preparation and removal included; what the workflow costs once is printed beside it.
/// </summary>
internal static class DockerEngineBenchmark
{
    private const int Short = 10, Long = 20;

    public static async Task<bool> RunAsync(int rounds)
    {
        await using var docker = await DockerPeer.StartAsync();
        var scratch = Directory.CreateTempSubdirectory("buildrunner-docker-").FullName;
        await using var engine = new DockerEngine(new DockerEngineOptions { Host = docker.Host, ScratchDirectory = scratch }, TimeProvider.System);
        var reference = ImageReference.TryParse(DockerPeer.Image, null, out var parsed, out var problem) ? parsed : throw new InvalidOperationException(problem);
        var image = await engine.PullAsync(reference, new PullOptions { Policy = PullPolicy.Never }, null, CancellationToken.None);
        var first = await MeasureFirstOutputAsync(engine, docker, image, rounds);
        await MeasureLogAsync(engine, docker, image, Path.Combine(scratch, "log"), rounds);
        var between = new List<double>();
        var chain = new Comparison($"chains of trivial steps, {engine.PreparedAhead} prepared ahead");
        chain.Add("spawn true", () => Programs.RunAsync("/bin/true"));
        chain.Add($"engine docker, {Short} steps and their group", () => RunChainAsync(engine, image, Short, between));
        chain.Add($"engine docker, {Long} steps and their group", () => RunChainAsync(engine, image, Long, between));
        chain.Add("engine docker, a group with one step", () => RunChainAsync(engine, image, 1, between));
        chain.Add($"{Short} docker run --rm", async () =>
        {
            for (var step = 0; step < Short; step++)
            {
                await docker.RunAsync("run", "--rm", DockerPeer.Image, "/bin/true");
            }
        });
        await chain.MeasureAsync(rounds);
        Directory.Delete(scratch, recursive: true);
        var theirs = chain.Of($"{Short} docker run --rm").ConvertAll(t => t / Short);
        var whole = chain.Of($"engine docker, {Short} steps and their group");
        var more = chain.Of($"engine docker, {Long} steps and their group").Zip(whole, (l, s) => (l - s) / (Long - Short)).ToList();
        _ = Comparison.AtMost("exit of a step to the first output of the next", between, "docker run --rm", theirs, 0.25);
        _ = Comparison.AtMost($"a step, its share of the group included ({Short} steps)", whole.ConvertAll(w => w / Short), "docker run --rm", theirs, 0.25);
        return Comparison.AtMost("a step more in a chain", more, "docker run --rm", theirs, 0.25) & first;
    }

    private static async Task<bool> MeasureFirstOutputAsync(DockerEngine engine, DockerPeer docker, ResolvedImage image, int rounds)
    {
        await using var group = await engine.CreateGroupAsync(NewGroup(), CancellationToken.None);
        var (ours, theirs) = (new List<double>(), new List<double>());
        for (var round = -1; round < rounds; round++)
        {
            var container = await group.PrepareAsync(Step(image, "echo"), CancellationToken.None);
            var sink = new ByteWatch();
            await group.RunAsync(container, StartSpec.AsPrepared, sink, CancellationToken.None);
            var milliseconds = await docker.MeasureFirstByteAsync("run", "--rm", DockerPeer.Image, "/bin/echo", "x");
            if (round >= 0)
            {
                ours.Add(sink.First);
                theirs.Add(milliseconds);
            }
        }

        return Comparison.AtMost("first output of a prepared step", ours, "first output of docker run", theirs, 1.0 / 15);
    }

    /// <summary>What a step writes, stored: as it is, and kept beside it as agents do, for whoever comes after them.</summary>
    private static async Task MeasureLogAsync(DockerEngine engine, DockerPeer docker, ResolvedImage image, string log, int rounds)
    {
        const int MegaBytes = 200;
        string[] write = ["/bin/busybox", "dd", "if=/dev/zero", "bs=64k", $"count={MegaBytes * 16}"];
        await using var group = await engine.CreateGroupAsync(NewGroup(), CancellationToken.None);
        async Task WriteAsync(RecordSpec? record)
        {
            await using var file = new FileSink(log);
            var container = await group.PrepareAsync(Step(image, "dd") with { Entrypoint = write, Record = record }, CancellationToken.None);
            await group.RunAsync(container, StartSpec.AsPrepared, file, CancellationToken.None);
            if (file.Bytes < MegaBytes << 20)
            {
                throw new InvalidOperationException("the log is not whole");
            }
        }

        var comparison = new Comparison($"a log of {MegaBytes} MB, stored");
        comparison.Add("engine docker", () => WriteAsync(null));
        comparison.Add("engine docker, kept under a key as agents do", async () =>
        {
            var record = Directory.CreateDirectory(log + ".record");
            await WriteAsync(new RecordSpec(record.FullName, long.MaxValue) { Key = RandomNumberGenerator.GetBytes(RecordSpec.KeyLength) });
            record.Delete(recursive: true);
        });
        comparison.Add("docker run --rm", () => Programs.RunAsync("sh", "-c", $"docker --host {docker.Host} run --rm {DockerPeer.Image} {string.Join(' ', write)} > {log}.docker 2>/dev/null"));
        await comparison.MeasureAsync(rounds);
        _ = comparison.AtMost("engine docker", "docker run --rm", 1.0 / 5);
        _ = comparison.AtMost("engine docker, kept under a key as agents do", "docker run --rm", 1.0 / 5);
    }

    /// <summary>Steps in a row, the next ones prepared while one runs.</summary>
    private static async Task RunChainAsync(DockerEngine engine, ResolvedImage image, int length, List<double> between)
    {
        await using var group = await engine.CreateGroupAsync(NewGroup(), CancellationToken.None);
        var prepared = new Queue<Task<IPreparedContainer>>();
        long? ended = null;
        for (var step = 0; step < length; step++)
        {
            for (var next = step + prepared.Count; next < length && prepared.Count <= engine.PreparedAhead; next++)
            {
                prepared.Enqueue(group.PrepareAsync(Step(image, "echo"), CancellationToken.None));
            }

            var container = await prepared.Dequeue();
            var sink = new ByteWatch();
            var waited = ended is { } end ? Stopwatch.GetElapsedTime(end).TotalMilliseconds : 0;
            var exit = await group.RunAsync(container, StartSpec.AsPrepared, sink, CancellationToken.None);
            if (exit.Status != 0)
            {
                throw new InvalidOperationException($"the step ended with {exit}");
            }

            if (ended is not null)
            {
                between.Add(waited + sink.First);
            }

            ended = Stopwatch.GetTimestamp();
        }
    }

    private static GroupSpec NewGroup() => new() { Id = $"bench-{Guid.CreateVersion7():N}", Owner = "bench" };

    private static ContainerSpec Step(ResolvedImage image, string program) => new() { Name = "step", Image = image, Entrypoint = [$"/bin/{program}", "x"] };
}
