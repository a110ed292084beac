using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>One private engine for all tests of a collection, with the contract's image.</summary>
/// <param name="needs">Programs without which there is none.</param>
/// <param name="start">Starts it.</param>
public abstract class EngineFixture(string[] needs, Func<Task<ITestEngine>> start) : IAsyncLifetime
{
    private readonly TestFolder folder = TestFolder.Create();
    private ITestEngine? engine;
    private string? missing;

    /// <summary>The engine, as it was started.</summary>
    public ITestEngine Service => engine!;

    public ResolvedImage Image { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        missing = needs.FirstOrDefault(p => Requires.Find(p) is null)
            ?? (Environment.GetEnvironmentVariable("BUILDRUNNER_SANDBOX") is null ? "BUILDRUNNER_SANDBOX" : null);
        if (missing is not null)
        {
            return;
        }

        engine = await start();
        await using var client = NewEngine();
        BusyboxImage.Create(folder["image"]);
        BusyboxImage.WriteArchive(folder["image"], folder["busybox.tar"]);
        await engine.LoadAsync(folder["busybox.tar"]);
        Image = await client.PullAsync(Parse(BusyboxImage.Name), new PullOptions { Policy = PullPolicy.Never }, null, CancellationToken.None);
    }

    public void Required() => Requires.That(missing is null, missing ?? "");

    public DockerEngine NewEngine(Func<DockerEngineOptions, DockerEngineOptions>? change = null, TimeProvider? time = null)
    {
        var options = new DockerEngineOptions { Host = Address, ScratchDirectory = folder["scratch"], SandboxProgram = Sandbox };
        return Create(change?.Invoke(options) ?? options, time ?? TimeProvider.System);
    }

    /// <summary>Our helper.</summary>
    public static string Sandbox => Environment.GetEnvironmentVariable("BUILDRUNNER_SANDBOX")!;

    /// <summary>The address as a setting; null: another way leads to the engine.</summary>
    protected virtual string? Address => Service.Host;

    protected virtual DockerEngine Create(DockerEngineOptions options, TimeProvider time) => new(options, time);

    public static ImageReference Parse(string text) =>
        ImageReference.TryParse(text, null, out var reference, out var problem) ? reference : throw new ArgumentException(problem);

    /// <summary>Ends what stands before the engine.</summary>
    protected virtual ValueTask StopAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (engine is not null)
        {
            await engine.DisposeAsync();
        }

        folder.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A Docker Engine; that of <c>BUILDRUNNER_TEST_DOCKER_SOCKET</c> if it is set, see below.</summary>
public sealed class DockerEngineFixture() : EngineFixture(["dockerd"], async () => GivenEngine.OfVariable("BUILDRUNNER_TEST_DOCKER_SOCKET") is { } given ? given : await DockerDaemon.StartAsync());

/// <summary>Podman's service; that of <c>BUILDRUNNER_TEST_PODMAN_SOCKET</c> if it is set, so that the contract can be run by an ordinary user on a rootless one.</summary>
public sealed class PodmanEngineFixture() : EngineFixture(["podman"], async () => GivenEngine.OfVariable("BUILDRUNNER_TEST_PODMAN_SOCKET") is { } given ? given : await PodmanService.StartAsync());

[CollectionDefinition("docker")]
public sealed class DockerCollection : ICollectionFixture<DockerEngineFixture>;

[CollectionDefinition("podman")]
public sealed class PodmanCollection : ICollectionFixture<PodmanEngineFixture>;
