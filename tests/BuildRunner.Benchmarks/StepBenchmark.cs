using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Images;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Benchmarks;

/// <summary>
/// One trivial step on the embedded engine, with its output stored: cold, prepared before, and after another step; against <c>runc run</c> of
/// the same bundle, <c>docker run</c>, and the spawn of the same program (issue 4, "Speed").
/// </summary>
internal static class StepBenchmark
{
    public static async Task<bool> RunAsync(int rounds)
    {
        var directory = Directory.CreateTempSubdirectory("buildrunner-step-").FullName;
        var image = StepImage(directory);
        var stateRoot = "/run/buildrunner/bench-" + Environment.ProcessId;
        var options = new OciEngineOptions { StateRoot = stateRoot, ScratchRoot = Path.Combine(directory, "scratch"), SandboxPath = Programs.FindSandbox() };
        await using var engine = OciEngine.Create(options);
        var group = await engine.CreateGroupAsync(new GroupSpec { Id = "bench-" + Guid.CreateVersion7().ToString("N"), Owner = "bench" }, CancellationToken.None);
        await using var directEngine = OciEngine.Create(new OciEngineOptions { StateRoot = stateRoot, ScratchRoot = options.ScratchRoot, SandboxPath = options.SandboxPath, RuntimePath = "direct" });
        var direct = await directEngine.CreateGroupAsync(new GroupSpec { Id = "bench-" + Guid.CreateVersion7().ToString("N"), Owner = "bench" }, CancellationToken.None);
        var log = Path.Combine(directory, "log");
        var spec = new ContainerSpec { Name = "step", Image = image, Entrypoint = ["/true"] };
        var root = Path.Combine(directory, "image");
        var bundle = new RuncBundle(directory, "bundle", root, "/true");
        using var with = ReadyNamespaces.Create(userNamespace: true);
        using var without = ReadyNamespaces.Create(userNamespace: false);
        var (mapped, plain) = (new RuncBundle(directory, "mapped", root, "/true", ready: with), new RuncBundle(directory, "plain", root, "/true", userNamespace: false, without));
        IPreparedContainer? prepared = null;

        var comparison = new Comparison("one step");
        comparison.Add("spawn of the same program", () => Programs.RunAsync(Path.Combine(directory, "image", "true")));
        comparison.Add("step, cold", async () => await RunStepAsync(group, await group.PrepareAsync(spec, CancellationToken.None), log));
        comparison.Add(
            "step, prepared",
            async () => prepared = await group.PrepareAsync(spec, CancellationToken.None),
            () => RunStepAsync(group, prepared ?? throw new InvalidOperationException(), log));
        comparison.Add("step, cold, direct", async () => await RunStepAsync(direct, await direct.PrepareAsync(spec, CancellationToken.None), log));
        comparison.Add(
            "step, prepared, direct",
            async () => prepared = await direct.PrepareAsync(spec, CancellationToken.None),
            () => RunStepAsync(direct, prepared ?? throw new InvalidOperationException(), log));
        comparison.Add("group: create and dispose", async () =>
        {
            await using var other = await engine.CreateGroupAsync(new GroupSpec { Id = "bench-" + Guid.CreateVersion7().ToString("N"), Owner = "bench" }, CancellationToken.None);
        });
        comparison.Add("runc run, same bundle", bundle.RunAsync);
        comparison.Add("runc run, in a ready user namespace", mapped.RunAsync);
        comparison.Add("runc run, without a user namespace", plain.RunAsync);

        // After a pause the kernel has to be brought to move a process into a cgroup again, and processors are cold.
        comparison.Add("step, cold, after a pause", PauseAsync, async () => await RunStepAsync(group, await group.PrepareAsync(spec, CancellationToken.None), log));
        comparison.Add("step, cold, after a pause, direct", PauseAsync, async () => await RunStepAsync(direct, await direct.PrepareAsync(spec, CancellationToken.None), log));
        comparison.Add("runc run, after a pause", PauseAsync, bundle.RunAsync);
        DockerPeer? docker = Programs.Exists("dockerd") ? await DockerPeer.StartAsync() : null;
        if (docker is not null)
        {
            comparison.Add("docker run --rm --network none", () => docker.RunAsync("run", "--rm", "--network", "none", DockerPeer.Image, "/bin/true"));
        }

        await comparison.MeasureAsync(rounds);
        await group.DisposeAsync();
        await direct.DisposeAsync();
        if (docker is not null)
        {
            await docker.DisposeAsync();
        }

        Directory.Delete(directory, recursive: true);
        Directory.Delete(stateRoot, recursive: true);
        var met = comparison.AtMost("step, cold", "runc run, same bundle", 1.25);
        met &= comparison.AtMost("step, cold, after a pause", "runc run, after a pause", 1.25);
        met &= comparison.AtMost("runc run, in a ready user namespace", "runc run, without a user namespace", 1.15);
        _ = comparison.AtMost("step, cold", "runc run, in a ready user namespace", 1.25);
        _ = comparison.AtMost("step, cold, direct", "runc run, same bundle", 1.0 / 4);
        if (docker is not null)
        {
            _ = comparison.AtMost("step, cold, direct", "docker run --rm --network none", 1.0 / 20);
            _ = comparison.AtMost("step, prepared, direct", "docker run --rm --network none", 1.0 / 15);
            met &= comparison.AtMost("step, cold", "docker run --rm --network none", 1.0 / 5);
            met &= comparison.AtMost("step, prepared", "docker run --rm --network none", 1.0 / 15);
        }

        return met;
    }

    private static Task PauseAsync() => Task.Delay(150);

    private static async Task RunStepAsync(IContainerGroup group, IPreparedContainer container, string log)
    {
        await using var sink = new FileSink(log);
        await group.RunAsync(container, StartSpec.AsPrepared, sink, CancellationToken.None);
    }

    private static ResolvedImage StepImage(string directory)
    {
        var image = Directory.CreateDirectory(Path.Combine(directory, "image")).FullName;
        File.WriteAllBytes(Path.Combine(image, "true"), TinyPrograms.ExitWithZero);
        File.SetUnixFileMode(Path.Combine(image, "true"), (UnixFileMode)0x1ED);
        foreach (var mountPoint in new[] { "proc", "sys", "dev", "etc" })
        {
            Directory.CreateDirectory(Path.Combine(image, mountPoint));
        }

        return ImageReference.TryParse("rootfs:" + image, null, out var reference, out var problem)
            ? new ResolvedImage(reference, null, new ImageConfig()) { LayerDirectories = [image] }
            : throw new InvalidOperationException(problem);
    }
}
