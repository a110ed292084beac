using System.Text.Json.Nodes;
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
        var log = Path.Combine(directory, "log");
        var spec = new ContainerSpec { Name = "step", Image = image, Entrypoint = ["/true"] };
        var bundle = new RuncBundle(directory, "bundle", userNamespace: true);
        var plain = new RuncBundle(directory, "plain", userNamespace: false);
        IPreparedContainer? prepared = null;

        var comparison = new Comparison("one step");
        comparison.Add("spawn of the same program", () => Programs.RunAsync(Path.Combine(directory, "image", "true")));
        comparison.Add("step, cold", async () => await RunStepAsync(group, await group.PrepareAsync(spec, CancellationToken.None), log));
        comparison.Add(
            "step, prepared",
            async () => prepared = await group.PrepareAsync(spec, CancellationToken.None),
            () => RunStepAsync(group, prepared ?? throw new InvalidOperationException(), log));
        comparison.Add("preparation alone", async () => prepared = await group.PrepareAsync(spec, CancellationToken.None));
        comparison.Add("disposal of a prepared one", async () => await (prepared ?? throw new InvalidOperationException()).DisposeAsync());
        comparison.Add("group: create and dispose", async () =>
        {
            await using var other = await engine.CreateGroupAsync(new GroupSpec { Id = "bench-" + Guid.CreateVersion7().ToString("N"), Owner = "bench" }, CancellationToken.None);
        });
        comparison.Add("runc run, same bundle", () => Programs.RunAsync("runc", bundle.NextArguments()));
        comparison.Add("runc run, without a user namespace", () => Programs.RunAsync("runc", plain.NextArguments()));

        // After a pause the kernel has to be brought to move a process into a cgroup again, and processors are cold.
        comparison.Add("step, cold, after a pause", PauseAsync, async () => await RunStepAsync(group, await group.PrepareAsync(spec, CancellationToken.None), log));
        comparison.Add("runc run, after a pause", PauseAsync, () => Programs.RunAsync("runc", bundle.NextArguments()));
        DockerPeer? docker = Programs.Exists("dockerd") ? await DockerPeer.StartAsync() : null;
        if (docker is not null)
        {
            comparison.Add("docker run --rm --network none", () => docker.RunAsync("run", "--rm", "--network", "none", DockerPeer.Image, "/bin/true"));
        }

        await comparison.MeasureAsync(rounds);
        await group.DisposeAsync();
        if (docker is not null)
        {
            await docker.DisposeAsync();
        }

        Directory.Delete(directory, recursive: true);
        Directory.Delete(stateRoot, recursive: true);
        var met = comparison.AtMost("step, cold", "runc run, same bundle", 1.25);
        met &= comparison.AtMost("step, cold, after a pause", "runc run, after a pause", 1.25);
        met &= comparison.AtMost("runc run, same bundle", "runc run, without a user namespace", 1.15);
        if (docker is not null)
        {
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

    /// <summary>The same profile, mounts and image for the bare runtime, which makes the namespaces itself. Its root is a plain directory, where the engine's is an overlay.</summary>
    private sealed class RuncBundle
    {
        private const uint FirstHostId = 0x7FFF_0000;

        private readonly string _bundle;
        private int _count;

        public RuncBundle(string directory, string name, bool userNamespace)
        {
            _bundle = Directory.CreateDirectory(Path.Combine(directory, name)).FullName;
            var root = Path.Combine(_bundle, "root");
            var owner = userNamespace ? FirstHostId : 0;
            Programs.RunAsync("cp", "-a", Path.Combine(directory, "image"), root).Wait();
            Directory.CreateDirectory(Path.Combine(_bundle, "injected"));
            foreach (var file in new[] { "hosts", "resolv.conf", "hostname" })
            {
                File.WriteAllText(Path.Combine(_bundle, file), "");
            }

            Programs.RunAsync("chown", "-R", $"{owner}:{owner}", root).Wait();
            Programs.RunAsync("chmod", "711", directory, _bundle).Wait();
            File.WriteAllText(Path.Combine(_bundle, "config.json"), Configuration(root, userNamespace));
        }

        public string[] NextArguments() => ["--root", Path.Combine(_bundle, "state"), "run", "--bundle", _bundle, $"bench-{Environment.ProcessId}-{Path.GetFileName(_bundle)}-{_count++}"];

        private string Configuration(string root, bool userNamespace)
        {
            var spec = new RuntimeSpec
            {
                Root = root,
                Bundle = _bundle,
                HostName = "bench",
                UserNamespacePath = "",
                NetworkNamespacePath = "",
                FirstHostId = FirstHostId,
                CgroupPath = "/buildrunner/bench",
                Limits = new ResourceLimits(Pids: 4096),
                Binds =
                [
                    (_bundle + "/hosts", "/etc/hosts"), (_bundle + "/resolv.conf", "/etc/resolv.conf"), (_bundle + "/hostname", "/etc/hostname"),
                    (_bundle + "/injected", InjectedFile.Root),
                ],
                Privileged = false,
                AllowNewPrivileges = false,
                SharedMemoryBytes = 64 << 20,
                OpenFiles = 1024,
                ForeignArchitectures = false,
            };
            var json = JsonNode.Parse(spec.ToJson()) ?? throw new InvalidOperationException();
            json["process"]!["args"] = new JsonArray("/true");
            var linux = json["linux"]!.AsObject();
            foreach (var space in linux["namespaces"]!.AsArray())
            {
                space!.AsObject().Remove("path");
            }

            if (!userNamespace)
            {
                linux.Remove("uidMappings");
                linux.Remove("gidMappings");
                linux["namespaces"] = new JsonArray([.. linux["namespaces"]!.AsArray().Where(n => (string?)n!["type"] != "user").Select(n => n!.DeepClone())]);
            }

            return json.ToJsonString();
        }
    }
}
