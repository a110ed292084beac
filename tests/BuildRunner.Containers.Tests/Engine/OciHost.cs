using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Oci;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Networks;
using BuildRunner.Testing;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine;

/// <summary>An embedded engine with folders of its own, and an image for it.</summary>
internal sealed class OciHost : EngineContract.IEngineHost
{
    private static int _count;

    private readonly TestFolder _folder;

    private OciHost(TestFolder folder, OciEngineOptions options)
    {
        _folder = folder;
        Options = options;
        Engine = OciEngine.Create(options);
        Image = BusyboxImage.Create(folder["image"]);
    }

    public OciEngineOptions Options { get; }

    public IContainerEngine Engine { get; }

    public ResolvedImage Image { get; }

    public TestFolder Folder => _folder;

    public static OciHost Create(Action<OciEngineOptions>? change = null)
    {
        Requires.Root();
        Requires.Program("runc", "nft", "busybox");
        var sandbox = FindSandbox();
        Requires.That(sandbox is not null, "BuildRunner's helper (dotnet publish src/BuildRunner.Sandbox -c Release -o artifacts/sandbox)");
        var folder = TestFolder.Create();
        var options = new OciEngineOptions
        {
            StateRoot = $"/run/buildrunner/test-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}",
            ScratchRoot = folder["scratch"],
            SandboxPath = sandbox,
            Network = new NetworkOptions(),
        };
        change?.Invoke(options);
        return new OciHost(folder, options);
    }

    public async ValueTask DisposeAsync()
    {
        await Engine.DisposeAsync();
        if (Directory.Exists(Options.StateRoot))
        {
            Directory.Delete(Options.StateRoot, recursive: true);
        }

        _folder.Dispose();
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
