using System.Text;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Engine;
using BuildRunner.Testing.Images;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>Pulls by an engine, from a real registry that wants a password.</summary>
public abstract class EnginePulls(EngineFixture fixture) : IAsyncLifetime
{
    private readonly TestFolder folder = TestFolder.Create();
    private RegistryServer registry = null!;
    private LoopbackBridge? bridge;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private static string Registry => $"127.0.0.1:{ITestEngine.RegistryPort}";

    public async ValueTask InitializeAsync()
    {
        fixture.Required();
        registry = await RegistryServer.StartAsync(new RegistryServerOptions { NeedsPassword = true }, Stop);
        bridge = LoopbackBridge.OutOf(fixture.Service.ProcessId, ITestEngine.RegistryPort, int.Parse(registry.Host.Split(':')[1]));
    }

    public async ValueTask DisposeAsync()
    {
        await (bridge?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (registry?.DisposeAsync() ?? ValueTask.CompletedTask);
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task An_image_comes_with_the_users_login_and_its_progress_is_told()
    {
        var name = $"tools-{Guid.NewGuid():N}";
        var image = Version(1);
        await registry.PushAsync(image, name, "1", Stop);
        await using var engine = await LoggedInAsync();
        var reports = new Reports();
        var pulled = await engine.PullAsync(Reference($"{name}:1"), new PullOptions(), reports, Stop);
        Assert.Equal(image.Digest, pulled.ManifestDigest);
        Assert.Equal("1\n", await RunAsync(engine, pulled));
        Assert.Equal([PullPhase.Resolving, PullPhase.Loading, PullPhase.Done], reports.Phases);

        // Podman counts the configuration too.
        Assert.InRange(reports.Last.LayersDone, image.Layers.Count, image.Layers.Count + 1);
        Assert.Equal(reports.Last.Layers, reports.Last.LayersDone);
    }

    [Fact]
    public async Task A_login_that_is_missing_or_wrong_is_an_error_that_names_the_registry()
    {
        var name = $"tools-{Guid.NewGuid():N}";
        await registry.PushAsync(Version(1), name, "1", Stop);
        foreach (var password in new[] { null, "wrong" })
        {
            await using var engine = await LoggedInAsync(password);
            var failure = await Assert.ThrowsAsync<ContainerException>(() => engine.PullAsync(Reference($"{name}:1"), new PullOptions(), null, Stop));
            Assert.True(failure.Reason == ContainerFailure.AccessDenied, failure.ToString());
            Assert.Contains(Registry, failure.Message, StringComparison.Ordinal);
            Assert.DoesNotContain("wrong", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_digest_stays_what_it_was_when_the_tag_moves()
    {
        var name = $"tools-{Guid.NewGuid():N}";
        var (first, second) = (Version(1), Version(2));
        await registry.PushAsync(first, name, "1", Stop);
        await using var engine = await LoggedInAsync();
        await engine.PullAsync(Reference($"{name}:1"), new PullOptions(), null, Stop);
        await registry.PushAsync(second, name, "1", Stop);

        var unasked = await engine.PullAsync(Reference($"{name}:1"), new PullOptions { Policy = PullPolicy.Missing }, null, Stop);
        Assert.Equal(first.Digest, unasked.ManifestDigest);
        var moved = await engine.PullAsync(Reference($"{name}:1"), new PullOptions { Policy = PullPolicy.Always }, null, Stop);
        Assert.Equal(second.Digest, moved.ManifestDigest);
        var pinned = await engine.PullAsync(Reference($"{name}@{first.Digest}"), new PullOptions(), null, Stop);
        Assert.Equal(first.Digest, pinned.ManifestDigest);
        Assert.Equal("2\n", await RunAsync(engine, moved));
        Assert.Equal("1\n", await RunAsync(engine, pinned));
    }

    [Fact]
    public async Task What_cannot_be_had_is_told_by_its_reason()
    {
        await using var engine = await LoggedInAsync();
        var missing = await Assert.ThrowsAsync<ContainerException>(() => engine.PullAsync(Reference("nothing:1"), new PullOptions(), null, Stop));
        Assert.True(missing.Reason == ContainerFailure.ImageNotFound, missing.ToString());
        var refused = await Assert.ThrowsAsync<ContainerException>(() => engine.PullAsync(Reference("nothing:1"), new PullOptions { Policy = PullPolicy.Never }, null, Stop));
        Assert.Equal(ContainerFailure.ImageNotFound, refused.Reason);
        await registry.StopAsync();
        var silent = await Assert.ThrowsAsync<ContainerException>(() => engine.PullAsync(Reference("other:1"), new PullOptions(), null, Stop));
        Assert.True(silent.Reason == ContainerFailure.RegistryUnavailable && silent.IsTransient, silent.ToString());
    }

    [Fact]
    public async Task Of_what_was_pulled_the_longest_unused_goes_when_it_takes_too_much_and_nothing_else()
    {
        var name = $"tools-{Guid.NewGuid():N}";
        for (var version = 1; version <= 3; version++)
        {
            await registry.PushAsync(Version(version), name, $"{version}", Stop);
        }

        var clock = new LaterClock();
        await using var engine = await LoggedInAsync(change: o => o with { PulledImagesFile = folder["state/pulled"], MostImageBytes = 5 << 20 }, time: clock);
        await using var group = await engine.CreateGroupAsync(new GroupSpec { Id = $"t{Guid.NewGuid():N}", Owner = "tests" }, Stop);
        var first = await engine.PullAsync(Reference($"{name}:1"), new PullOptions(), null, Stop);
        await using var user = await group.PrepareAsync(new ContainerSpec { Name = "step", Image = first, Entrypoint = ["true"] }, Stop);
        clock.Late += TimeSpan.FromHours(2);
        await engine.PullAsync(Reference($"{name}:2"), new PullOptions(), null, Stop);
        clock.Late += TimeSpan.FromHours(2);
        await engine.PullAsync(Reference($"{name}:3"), new PullOptions(), null, Stop);

        var never = new PullOptions { Policy = PullPolicy.Never };
        await engine.PullAsync(Reference($"{name}:1"), never, null, Stop);
        await engine.PullAsync(Reference($"{name}:3"), never, null, Stop);
        await engine.PullAsync(fixture.Image.Reference, never, null, Stop);
        await Assert.ThrowsAsync<ContainerException>(() => engine.PullAsync(Reference($"{name}:2"), never, null, Stop));
    }

    [Fact]
    public async Task What_was_pulled_with_a_login_is_given_to_whom_the_registry_gives_it_although_the_engine_would_give_it_to_everybody()
    {
        var name = $"tools-{Guid.NewGuid():N}";
        var image = Version(1);
        await registry.PushAsync(image, name, "1", Stop);
        DockerEngineOptions Written(DockerEngineOptions options) => options with { PulledImagesFile = folder["state/pulled"] };
        await using var owner = await LoggedInAsync(change: Written);
        await using var stranger = await LoggedInAsync(null, Written);
        await owner.PullAsync(Reference($"{name}:1"), new PullOptions(), null, Stop);

        // From here the registry cannot be reached: nobody is asked for whom it is known, and for others the answer is missed.
        await owner.PullAsync(Reference($"{name}:1"), new PullOptions(), null, Stop);
        await Assert.ThrowsAsync<ContainerException>(() => stranger.PullAsync(Reference($"{name}:1"), new PullOptions(), null, Stop));
        await using var way = await OpenWayAsync();
        foreach (var reference in new[] { Reference($"{name}:1"), Reference($"{name}@{image.Digest}") })
        {
            foreach (var policy in new[] { PullPolicy.Missing, PullPolicy.Never })
            {
                var refused = await Assert.ThrowsAsync<ContainerException>(() => stranger.PullAsync(reference, new PullOptions { Policy = policy }, null, Stop));
                Assert.True(refused.Reason == ContainerFailure.AccessDenied && refused.Message.Contains("it is private", StringComparison.Ordinal), refused.ToString());
            }
        }

        await Assert.ThrowsAsync<ContainerException>(() => owner.PullAsync(Reference($"{name}:1"), new PullOptions { UseCredentialFiles = false }, null, Stop));
        await Assert.ThrowsAsync<ContainerException>(() => stranger.PullAsync(Reference($"{name}:1"), new PullOptions { Credentials = new(RegistryServer.User, "wrong") }, null, Stop));
        var given = new PullOptions { Credentials = new(RegistryServer.User, RegistryServer.Password), UseCredentialFiles = false };
        await stranger.PullAsync(Reference($"{name}:1"), given, null, Stop);
        Assert.DoesNotContain(RegistryServer.Password, await File.ReadAllTextAsync(folder["state/pulled"], Stop), StringComparison.Ordinal);
    }

    /// <summary>Makes the registry reachable from this process by the name that the engine knows it by. One test at a time can have that.</summary>
    private async Task<CuttingProxy> OpenWayAsync()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(TimeSpan.FromMinutes(1));
        while (!patience.IsCancellationRequested)
        {
            try
            {
                return CuttingProxy.Start(registry.Host, port: ITestEngine.RegistryPort);
            }
            catch (System.Net.Sockets.SocketException)
            {
                await Task.Delay(50, Stop);
            }
        }

        Requires.That(false, $"port {ITestEngine.RegistryPort} of the loopback interface, which something else has");
        throw new InvalidOperationException();
    }

    private static ImageReference Reference(string rest) => EngineFixture.Parse($"{Registry}/{rest}");

    /// <summary>An image that no other test has: of one that it has, an engine tells nothing about layers.</summary>
    private static TestImage Version(int number) => TestImage.Busybox.WithLayer(layer => layer.File("version", $"{number}\n").File("unique", $"{Guid.NewGuid()}"));

    private async Task<DockerEngine> LoggedInAsync(
        string? password = RegistryServer.Password, Func<DockerEngineOptions, DockerEngineOptions>? change = null, TimeProvider? time = null)
    {
        var file = folder[$"login-{Guid.NewGuid():N}.json"];
        var login = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{RegistryServer.User}:{password}"));
        await File.WriteAllTextAsync(file, password is null ? "{}" : $$"""{ "auths": { "{{Registry}}": { "auth": "{{login}}" } } }""", Stop);
        return fixture.NewEngine(
            o => (change?.Invoke(o) ?? o) with { Registries = o.Registries with { CredentialFile = file } }, time);
    }

    private static async Task<string> RunAsync(DockerEngine engine, ResolvedImage image)
    {
        await using var group = await engine.CreateGroupAsync(new GroupSpec { Id = $"t{Guid.NewGuid():N}", Owner = "tests" }, Stop);
        var output = new OutputRecorder();
        await using var container = await group.PrepareAsync(new ContainerSpec { Name = "step", Image = image, Entrypoint = ["cat", "/version"] }, Stop);
        await group.RunAsync(container, StartSpec.AsPrepared, output, Stop);
        return output.Out;
    }

    /// <summary>The system's clock, some time later.</summary>
    private sealed class LaterClock : TimeProvider
    {
        public TimeSpan Late { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Late;
    }

    private sealed class Reports : IProgress<PullProgress>
    {
        private readonly List<PullProgress> all = [];

        public IEnumerable<PullPhase> Phases => all.Select(p => p.Phase).Distinct();

        /// <summary>How far it was told to be in the end.</summary>
        public PullProgress Last => all.Last(p => p.Phase == PullPhase.Loading);

        public void Report(PullProgress value) => all.Add(value);
    }
}

/// <summary>By a Docker Engine.</summary>
[Collection("docker")]
public sealed class DockerPulls(DockerEngineFixture docker) : EnginePulls(docker);

/// <summary>By Podman's service.</summary>
[Collection("podman")]
public sealed class PodmanPulls(PodmanEngineFixture podman) : EnginePulls(podman);
