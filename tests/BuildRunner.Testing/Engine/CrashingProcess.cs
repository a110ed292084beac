using System.Net.Sockets;
using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Images;

namespace BuildRunner.Testing.Engine;

/// <summary>A process with an engine, to be killed by tests: their own executable, started with variables that say so. It never ends by itself.</summary>
/// <remarks>It is called by an initializer of the tests' module, and must be in another: code of a module waits for its initializer.</remarks>
public static class CrashingProcess
{
    public const string SocketVariable = "BUILDRUNNER_TEST_SOCKET";
    public const string StateVariable = "BUILDRUNNER_TEST_STATE";
    public const string FolderVariable = "BUILDRUNNER_TEST_FOLDER";
    public const string SandboxVariable = "BUILDRUNNER_TEST_SANDBOX";

    /// <summary>The embedded engine's runtime; empty: the default.</summary>
    public const string RuntimeVariable = "BUILDRUNNER_TEST_CRASH_RUNTIME";

    /// <summary>What its workflow may write to the disk, in bytes; empty: as much as there is.</summary>
    public const string DiskVariable = "BUILDRUNNER_TEST_DISK";

    /// <summary>How many workflows it runs at once, one after the other without end; empty: one, phase by phase.</summary>
    public const string BusyVariable = "BUILDRUNNER_TEST_BUSY";

    /// <summary>Address of a Docker or Podman engine that has <see cref="BusyboxImage.Name"/>; empty: the embedded engine, with the image in the folder.</summary>
    public const string DockerVariable = "BUILDRUNNER_TEST_DOCKER";

    /// <summary>Does what the variables say, if there are any, and then ends the process.</summary>
    public static void RunIfTold()
    {
        if (Environment.GetEnvironmentVariable(SocketVariable) is { Length: > 0 } socket)
        {
            RunAsync(socket, Variable(FolderVariable)).GetAwaiter().GetResult();
            Environment.Exit(0);
        }
    }

    private static string Variable(string name) => Environment.GetEnvironmentVariable(name) ?? "";

    /// <summary>Says over the socket what it does, phase by phase.</summary>
    private static async Task RunAsync(string path, string folder)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path));
        await using var engine = NewEngine(folder);
        engine.KeepReady();
        var image = await ImageAsync(engine, folder);
        if (int.TryParse(Variable(BusyVariable), out var atOnce))
        {
            await SayAsync("busy");
            await new BusyWorkflows(engine, image, folder + "/image/etc", _ => { }).RunAsync(int.MaxValue, atOnce);
        }

        var workspace = new WorkspaceSpec { BasePath = "/w", TreePath = "/w/tree", SourceDirectory = folder + "/image", CopyOnWrite = true };
        var limits = long.TryParse(Variable(DiskVariable), out var disk) ? new ResourceLimits(DiskBytes: disk) : ResourceLimits.None;
        await using var group = await engine.CreateGroupAsync(
            new GroupSpec { Id = $"test-{Guid.CreateVersion7():N}", Owner = "tests", Workspace = workspace, Limits = limits }, CancellationToken.None);
        await SayAsync("group");
        await group.StartServiceAsync(Shell("trap '' TERM; sleep 600 & sleep 600", "service"), new OutputRecorder(), CancellationToken.None);
        const string Script = "trap '' TERM; echo up; dd if=/dev/zero of=/big bs=1M count=20; (sleep 600 &); while true; do sleep 1; done";
        var preparing = group.PrepareAsync(Shell(Script), CancellationToken.None);
        await SayAsync("preparing");
        var container = await preparing;
        await SayAsync("prepared");
        var output = new OutputRecorder();
        using var stop = new CancellationTokenSource();
        var running = group.RunAsync(container, StartSpec.AsPrepared, output, stop.Token);
        await output.Contains("up\n");
        await SayAsync("running");
        await stop.CancelAsync();
        await SayAsync("stopping");
        await running;

        ContainerSpec Shell(string script, string name = "step") => new() { Name = name, Image = image, Entrypoint = ["/bin/sh", "-c", script] };

        Task SayAsync(string phase) => socket.SendAsync(Encoding.ASCII.GetBytes(phase + "\n"));
    }

    private static IContainerEngine NewEngine(string folder) => Variable(DockerVariable) is { Length: > 0 } host
        ? new DockerEngine(new DockerEngineOptions { Host = host, ScratchDirectory = folder + "/scratch", SandboxProgram = Variable(SandboxVariable) }, TimeProvider.System)
        : OciEngine.Create(new OciEngineOptions
        {
            StateRoot = Variable(StateVariable),
            ScratchRoot = folder + "/scratch",
            SandboxPath = Variable(SandboxVariable),
            RuntimePath = Variable(RuntimeVariable) is { Length: > 0 } runtime ? runtime : "runc",
        });

    private static async Task<ResolvedImage> ImageAsync(IContainerEngine engine, string folder) => Variable(DockerVariable).Length == 0
        ? BusyboxImage.Describe(folder + "/image")
        : ImageReference.TryParse(BusyboxImage.Name, null, out var reference, out var problem)
            ? await engine.PullAsync(reference, new PullOptions { Policy = PullPolicy.Never }, null, CancellationToken.None)
            : throw new InvalidOperationException(problem);
}
