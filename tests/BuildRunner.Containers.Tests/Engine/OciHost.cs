using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>An embedded engine with folders of its own, and an image for it. <c>BUILDRUNNER_TEST_RUNTIME</c> names another runtime than runc.</summary>
internal sealed class OciHost : EngineContract.IEngineHost
{
    private static int _count;

    private OciHost(TestFolder folder, OciEngineOptions options)
    {
        Folder = folder;
        Options = options;
        Engine = OciEngine.Create(options);
        Image = BusyboxImage.Create(folder["image"]);
        Auditor = new HostAuditor(options.StateRoot, options.ScratchRoot);
    }

    public OciEngineOptions Options { get; }

    public IContainerEngine Engine { get; }

    public ResolvedImage Image { get; }

    public TestFolder Folder { get; }

    public HostAuditor Auditor { get; }

    public static OciHost Create(Action<OciEngineOptions>? change = null)
    {
        Requires.Root();
        Requires.Program("runc", "nft", "busybox");
        var folder = TestFolder.Create();
        var options = Settings($"{RootlessUser.OfThisProcess?.StateRoot ?? "/run/buildrunner"}/test-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}", folder);
        change?.Invoke(options);
        return new OciHost(folder, options);
    }

    /// <summary>A container that executes a shell script.</summary>
    public ContainerSpec Shell(string script, string name = "step") => new() { Name = name, Image = Image, Entrypoint = ["/bin/sh", "-c", script] };

    /// <summary>A group with a unique id, whose cgroups the auditor looks for.</summary>
    public Task<IContainerGroup> CreateGroupAsync(WorkspaceSpec? workspace = null, ResourceLimits? limits = null)
    {
        var id = $"test-{Guid.CreateVersion7():N}";
        Auditor.Watch(id);
        var spec = new GroupSpec { Id = id, Owner = "tests", Workspace = workspace, Limits = limits ?? ResourceLimits.None };
        return Engine.CreateGroupAsync(spec, TestContext.Current.CancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> FindLeftOversAsync() => Auditor.FindingsAfterAsync(TimeSpan.FromSeconds(20));

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        if (Directory.Exists(Options.StateRoot))
        {
            Directory.Delete(Options.StateRoot, recursive: true);
        }

        Folder.Dispose();
    }

    private static OciEngineOptions Settings(string stateRoot, TestFolder folder)
    {
        var sandbox = FindSandbox();
        Requires.That(sandbox is not null, "BuildRunner's helper (dotnet publish src/BuildRunner.Sandbox -c Release -o artifacts/sandbox)");
        return new OciEngineOptions { StateRoot = stateRoot, ScratchRoot = folder["scratch"], SandboxPath = sandbox, RuntimePath = Environment.GetEnvironmentVariable("BUILDRUNNER_TEST_RUNTIME") ?? "runc" };
    }

    private static string? FindSandbox()
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
