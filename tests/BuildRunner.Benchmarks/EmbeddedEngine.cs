using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Images;

namespace BuildRunner.Benchmarks;

/// <summary>The embedded engine with folders of its own, and an image of busybox for it.</summary>
internal sealed class EmbeddedEngine : IAsyncDisposable
{
    private static int _count;

    private readonly string _stateRoot = $"/run/buildrunner/bench-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}";

    private EmbeddedEngine(string runtime)
    {
        Folder = Directory.CreateTempSubdirectory("buildrunner-bench-").FullName;
        var root = Path.Combine(Folder, "image");
        Directory.CreateDirectory(Path.Combine(root, "bin"));
        File.Copy("/bin/busybox", Path.Combine(root, "bin", "busybox"));
        foreach (var applet in new[] { "sh", "true", "echo", "dd", "cat" })
        {
            File.CreateSymbolicLink(Path.Combine(root, "bin", applet), "busybox");
        }

        Image = ImageReference.TryParse("rootfs:" + root, null, out var reference, out var problem)
            ? new ResolvedImage(reference, null, new ImageConfig()) { LayerDirectories = [root] }
            : throw new InvalidOperationException(problem);
        Engine = OciEngine.Create(new OciEngineOptions { StateRoot = _stateRoot, ScratchRoot = Path.Combine(Folder, "scratch"), SandboxPath = Programs.FindSandbox(), RuntimePath = runtime });
    }

    public string Folder { get; }

    public OciEngine Engine { get; }

    public ResolvedImage Image { get; }

    /// <param name="runtime"><c>Engine:Runtime</c>.</param>
    public static EmbeddedEngine Create(string runtime = "runc") => new(runtime);

    public Task<IContainerGroup> NewGroupAsync() => Engine.CreateGroupAsync(new GroupSpec { Id = $"bench-{Guid.CreateVersion7():N}", Owner = "bench" }, CancellationToken.None);

    public ContainerSpec Step(params string[] command) => new() { Name = "step", Image = Image, Entrypoint = command };

    /// <summary>Runs a step from nothing to its end.</summary>
    public static async Task RunAsync(IContainerGroup group, ContainerSpec spec, IOutputSink output)
    {
        var container = await group.PrepareAsync(spec, CancellationToken.None);
        var exit = await group.RunAsync(container, StartSpec.AsPrepared, output, CancellationToken.None);
        if (exit.Status != 0)
        {
            throw new InvalidOperationException($"the step ended with {exit}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        await Programs.CaptureAsync("rm", "-rf", Folder, _stateRoot);
    }
}
