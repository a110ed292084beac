namespace BuildRunner.Benchmarks;

/// <summary>Four at once: cold steps, each with its own container, against as many <c>docker run --rm --network none</c> and <c>runc run</c> (issue 4: 8 times Docker's steps per second).</summary>
internal static class AtOnceBenchmark
{
    private const int AtOnce = 4, Each = 4;

    public static async Task<bool> RunAsync(int rounds)
    {
        await using var docker = await DockerPeer.StartAsync();
        await using var ours = EmbeddedEngine.Create();
        await using var group = await ours.NewGroupAsync();
        await using var direct = EmbeddedEngine.Create("direct");
        await using var directGroup = await direct.NewGroupAsync();
        var floors = Enumerable.Range(0, AtOnce).Select(worker => new RuncBundle(ours.Folder, $"runc{worker}", ours.Image.LayerDirectories[0], "/bin/true")).ToList();
        var comparison = new Comparison($"{AtOnce} at once, {AtOnce * Each} steps");
        comparison.Add("spawn true", () => Programs.RunAsync("/bin/true"));
        comparison.Add("embedded engine", () => AllAsync(async worker =>
        {
            await using var log = new FileSink(Path.Combine(ours.Folder, $"log{worker}"));
            await EmbeddedEngine.RunAsync(group, ours.Step("/bin/true"), log);
        }));
        comparison.Add("embedded engine, direct", () => AllAsync(async worker =>
        {
            await using var log = new FileSink(Path.Combine(direct.Folder, $"log{worker}"));
            await EmbeddedEngine.RunAsync(directGroup, direct.Step("/bin/true"), log);
        }));
        comparison.Add("runc run, same profile", () => AllAsync(worker => floors[worker].RunAsync()));
        comparison.Add("docker run --rm --network none", () => AllAsync(_ => docker.RunAsync("run", "--rm", "--network", "none", DockerPeer.Image, "/bin/true")));
        await comparison.MeasureAsync(rounds);

        // Where the time goes: what the runtime itself costs is in both, and no engine that uses it is nearer to the bar than this.
        _ = comparison.AtMost("runc run, same profile", "docker run --rm --network none", 1.0 / 8);
        _ = comparison.AtMost("embedded engine", "runc run, same profile", 1.25);
        _ = comparison.AtMost("embedded engine, direct", "docker run --rm --network none", 1.0 / 8);
        return comparison.AtMost("embedded engine", "docker run --rm --network none", 1.0 / 8);
    }

    private static Task AllAsync(Func<int, Task> step) => Task.WhenAll(Enumerable.Range(0, AtOnce).Select(worker => Task.Run(async () =>
    {
        for (var i = 0; i < Each; i++)
        {
            await step(worker);
        }
    })));
}
