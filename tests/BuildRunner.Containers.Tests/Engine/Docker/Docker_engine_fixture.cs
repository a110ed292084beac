using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Images;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>One private engine for all tests of a collection, with an image to run.</summary>
public sealed class DockerEngineFixture : IAsyncLifetime
{
    private readonly TestFolder folder = TestFolder.Create();
    private DockerDaemon? daemon;
    private string? reason;

    public string Host => daemon!.Host;

    public ResolvedImage Image { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        if (Requires.Find("dockerd") is null || Environment.GetEnvironmentVariable("BUILDRUNNER_SANDBOX") is null)
        {
            reason = "dockerd and BUILDRUNNER_SANDBOX";
            return;
        }

        daemon = await DockerDaemon.StartAsync();
        await using var engine = NewEngine();
        DockerArchive.Write(folder["busybox.tar"], TestImage.Busybox, "busybox-test:1");
        Image = await engine.PullAsync(Parse("docker-archive:" + folder["busybox.tar"]), new PullOptions(), null, CancellationToken.None);
    }

    public void Required() => Requires.That(reason is null, reason ?? "");

    public DockerEngine NewEngine() => new(
        new DockerEngineOptions
        {
            Host = Host,
            ScratchDirectory = folder["scratch"],
            SandboxProgram = Environment.GetEnvironmentVariable("BUILDRUNNER_SANDBOX")!,
        },
        TimeProvider.System);

    public static ImageReference Parse(string text) =>
        ImageReference.TryParse(text, null, out var reference, out var problem) ? reference : throw new ArgumentException(problem);

    public async ValueTask DisposeAsync()
    {
        if (daemon is not null)
        {
            await daemon.DisposeAsync();
        }

        folder.Dispose();
    }
}

[CollectionDefinition("docker")]
public sealed class DockerCollection : ICollectionFixture<DockerEngineFixture>;
