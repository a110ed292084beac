using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Core.AgentContract;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Engine;
using Microsoft.Extensions.Logging.Abstractions;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>An agent in a process of its own, with the embedded engine or another one: this executable, started with variables that say so. It can be killed and frozen.</summary>
internal sealed partial class AgentProcess : IAsyncDisposable
{
    private const string ServerVariable = "BUILDRUNNER_TEST_AGENT_SERVER", FolderVariable = "BUILDRUNNER_TEST_AGENT_FOLDER", StateVariable = "BUILDRUNNER_TEST_AGENT_STATE",
        SourcesVariable = "BUILDRUNNER_TEST_AGENT_SOURCES", EngineVariable = "BUILDRUNNER_TEST_AGENT_ENGINE";
    private const int Stop = 19, Continue = 18;

    private static int count;
    private readonly ScriptedServerFront front;
    private readonly TestFolder folder = TestFolder.Create();
    private readonly string stateRoot = $"/run/buildrunner/agent-test-{Environment.ProcessId}-{Interlocked.Increment(ref count)}";
    private Process? process;

    private AgentProcess(ScriptedServer server) => front = ScriptedServerFront.Open(server);

    public string Image => Variables.ContainsKey(EngineVariable) ? BusyboxImage.Name : "rootfs:" + folder["image"];

    /// <summary>A folder beside what BuildRunner owns, where steps leave a trace.</summary>
    public string Witness => folder["witness"];

    public HostAuditor Auditor => new(stateRoot, folder["scratch"]) { OfLivingAgent = process is { HasExited: false } };

    /// <summary>Added to its environment.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>Its working directory.</summary>
    public string Work => folder["work"];

    /// <summary>The workspace of a workflow.</summary>
    public string Tree(WorkId start) => Path.Combine(Work, "workflows", start.ToString(), "tree");

    public static AgentProcess Create(ScriptedServer server, string? sources = null)
    {
        Requires.Root();
        Requires.Program("runc", "nft", "busybox");
        Requires.That(Sandbox is not null, "BuildRunner's helper (dotnet publish src/BuildRunner.Sandbox -c Release -o artifacts/sandbox)");
        var agent = new AgentProcess(server);
        agent.Variables[SourcesVariable] = sources ?? "";
        BusyboxImage.Create(agent.folder["image"]);
        Directory.CreateDirectory(agent.Witness, (UnixFileMode)0b111_111_111);
        File.SetUnixFileMode(agent.Witness, (UnixFileMode)0b111_111_111);
        return agent;
    }

    /// <summary>One that runs its steps on a Docker or Podman engine, which then has the image.</summary>
    public static async Task<AgentProcess> CreateAsync(ScriptedServer server, ITestEngine engine)
    {
        var agent = Create(server);
        agent.Variables[EngineVariable] = engine.Host;
        BusyboxImage.WriteArchive(agent.folder["image"], agent.folder["busybox.tar"]);
        await engine.LoadAsync(agent.folder["busybox.tar"]);
        return agent;
    }

    /// <summary>Starts it, if it is not running.</summary>
    public void StartOnce()
    {
        if (process is null)
        {
            Start();
        }
    }

    /// <summary>Starts it, or starts it again.</summary>
    public void Start()
    {
        var info = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        info.Environment[ServerVariable] = front.Address;
        info.Environment[FolderVariable] = folder.Path;
        info.Environment[StateVariable] = stateRoot;
        foreach (var (name, value) in Variables)
        {
            info.Environment[name] = value;
        }

        process = Process.Start(info)!;
        _ = process.StandardOutput.ReadToEndAsync();
        _ = process.StandardError.ReadToEndAsync();
    }

    public async Task KillAsync()
    {
        process!.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        process.Dispose();
        process = null;
    }

    public void Freeze() => Signal(Stop);

    public void Thaw() => Signal(Continue);

    public async ValueTask DisposeAsync()
    {
        if (process is { HasExited: false })
        {
            Signal(Continue);
            process.Kill();
            await process.WaitForExitAsync();
        }

        process?.Dispose();
        process = null;
        front.Dispose();
        await Auditor.FindingsAfterAsync(TimeSpan.FromSeconds(10));
        if (Directory.Exists(stateRoot))
        {
            Directory.Delete(stateRoot, recursive: true);
        }

        folder.Dispose();
    }

    /// <summary>Makes this executable an agent, if it was started as one.</summary>
    [ModuleInitializer]
    internal static void BecomeTheAgent()
    {
        if (Environment.GetEnvironmentVariable(ServerVariable) is { Length: > 0 } server)
        {
            Run(server, Environment.GetEnvironmentVariable(FolderVariable)!, Environment.GetEnvironmentVariable(StateVariable)!);
            Environment.Exit(0);
        }
    }

    // Code of a module waits for its initializer: on other threads only code of other modules can run here, which goes for
    // the lists too that a collection expression makes.
    private static void Run(string server, string folder, string state)
    {
        IContainerEngine engine = Environment.GetEnvironmentVariable(EngineVariable) is { Length: > 0 } address
            ? new DockerEngine(new DockerEngineOptions { Host = address, ScratchDirectory = folder + "/scratch", SandboxProgram = Sandbox }, TimeProvider.System)
            : OciEngine.Create(new OciEngineOptions { StateRoot = state, ScratchRoot = folder + "/scratch", SandboxPath = Sandbox });
        var options = new AgentHostOptions
        {
            Server = new Uri(server),
            WorkDirectory = folder + "/work",
            VolatileDirectory = folder + "/volatile",
            Name = "victim",
            Slots = 2,
            Token = "brr_test",
            MinFreeDisk = 0,
            AllowedVolumes = new string[] { folder },
            AllowedSources = Environment.GetEnvironmentVariable(SourcesVariable) is { Length: > 0 } sources ? new string[] { sources } : Array.Empty<string>(),
            AllowedRootFileSystems = new string[] { folder + "/image" },
            Hardened = HardenedRuns.Strangers,
        };
        AgentHost.RunAsync(options, engine, handler: null, NullLoggerFactory.Instance, TimeProvider.System, CancellationToken.None).GetAwaiter().GetResult();
    }

    private static string? Sandbox
    {
        get
        {
            if (Environment.GetEnvironmentVariable("BUILDRUNNER_SANDBOX") is { Length: > 0 } named)
            {
                return named;
            }

            for (var directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
            {
                var candidate = Path.Combine(directory, "artifacts/sandbox/buildrunner-sandbox");
                if (File.Exists(candidate))
                {
                    return candidate;
                }
            }

            return null;
        }
    }

    private void Signal(int signal) => _ = Kill(process!.Id, signal);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
