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
        var image = TestImage.Busybox.WithLayer(layer => layer
            .File("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nbuilder:x:1000:1000::/home/builder:/bin/sh\ntester:x:1001:1001::/home/tester:/bin/sh\n")
            .File("etc/group", "root:x:0:\nbuilder:x:1000:\nextra:x:1500:builder,other\nmany:x:1501:builder\nstaff:x:50:tester\n")
            .Directory("home/builder", 0b111_101_101, 1000, 1000));
        DockerArchive.Write(folder["busybox.tar"], image, "busybox-test:1");
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
