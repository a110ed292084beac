using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Engine;
using BuildRunner.Testing.Registries;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>An engine that does not see this host's files, behind TLS with certificates on both sides.</summary>
/// <param name="needs">Programs without which there is none.</param>
/// <param name="start">Starts it.</param>
public abstract class ElsewhereFixture(string[] needs, Func<Task<ITestEngine>> start) : EngineFixture(needs, start)
{
    /// <summary>Its address, as <c>DOCKER_HOST</c> has it.</summary>
    public abstract string Host { get; }

    /// <summary>The folder with <c>ca.pem</c>, <c>cert.pem</c> and <c>key.pem</c>.</summary>
    public abstract string Certificates { get; }

    protected override string? Address => null;

    /// <summary>Finds the engine with certificates from another folder.</summary>
    public DockerEngine NewEngineWith(string certificates, string scratch) => Create(
        new DockerEngineOptions { ScratchDirectory = scratch, SandboxProgram = Sandbox }, TimeProvider.System, certificates);

    protected override DockerEngine Create(DockerEngineOptions options, TimeProvider time) => Create(options, time, Certificates);

    private DockerEngine Create(DockerEngineOptions options, TimeProvider time, string certificates) => new(options, time, name => name switch
    {
        "DOCKER_HOST" => Host,
        "DOCKER_TLS_VERIFY" => "1",
        "DOCKER_CERT_PATH" => certificates,
        _ => null,
    });
}

/// <summary>A Docker Engine, which speaks TLS itself.</summary>
public sealed class DockerElsewhereFixture() : ElsewhereFixture(["dockerd"], async () => await DockerDaemon.StartElsewhereAsync())
{
    public override string Host => Service.Host;

    public override string Certificates => ((DockerDaemon)Service).Certificates;
}

/// <summary>Podman's service in mounts of its own. This version speaks no TLS: somebody does it before its socket.</summary>
public sealed class PodmanElsewhereFixture() : ElsewhereFixture(["podman"], async () => await PodmanService.StartElsewhereAsync())
{
    private TlsFront? front;

    public override string Host => Front.Host;

    public override string Certificates => Front.Certificates;

    private TlsFront Front => front ??= new TlsFront(Service.Socket);

    protected override async ValueTask StopAsync()
    {
        if (front is not null)
        {
            await front.DisposeAsync();
        }
    }
}

/// <summary>An engine that does not see this host's files has the workspace and everything else over its API.</summary>
public abstract class EngineElsewhere(ElsewhereFixture fixture)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Steps_work_on_a_copy_of_the_tree_and_their_results_come_back()
    {
        await using var run = await TreeRun.OpenAsync(fixture);
        var first = await run.ShellAsync("pwd; cat kept; stat -c '%u %a' kept; echo new > new; rm gone; echo beside > ../beside; echo lost > /etc/lost");
        Assert.Equal("/woodpecker/src\nkept\n0 644\n", first.Out);
        Assert.Equal("new\nbeside\ngone\n", (await run.ShellAsync("cat new ../beside; ls gone /etc/lost 2>/dev/null || echo gone", "builder")).Out);
        Assert.Equal("x\n", (await run.ShellAsync("echo x > mine; cat mine", "builder")).Out);
        var copy = await run.Group.OpenWorkspaceAsync(Stop) ?? "";
        Assert.Equal(["directory", "kept", "link", "mine", "new"], Directory.EnumerateFileSystemEntries(copy).Select(Path.GetFileName).Order());
        Assert.Equal("new\n", await File.ReadAllTextAsync(Path.Combine(copy, "new"), Stop));
        Assert.Equal("kept", new FileInfo(Path.Combine(copy, "link")).LinkTarget);
        Assert.True(File.Exists(run.Folder["tree/gone"]));
        Assert.False(File.Exists(run.Folder["tree/new"]));
    }

    [Fact]
    public async Task Everything_travels_over_the_connection()
    {
        await using var run = await TreeRun.OpenAsync(fixture);
        var service = await run.Group.StartServiceAsync(
            run.Shell("mkdir /srv; echo page > /srv/index.html; exec httpd -f -p 8080 -h /srv") with
            {
                Name = "web",
                HealthCheck = new HealthCheck(["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"], TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(5), 100, TimeSpan.Zero),
            },
            new OutputRecorder(),
            Stop);
        await service.WaitUntilHealthyAsync(Stop);
        var step = run.Shell("/.buildrunner/script; cat /.buildrunner/plain /.buildrunner/key; stat -c '%a %U' /.buildrunner/key; stat -f -c %T /.buildrunner/key; wget -q -O - http://web:8080/; echo $A; seq 1 100000 >&2; exit 9") with
        {
            User = "builder",
            Environment = new Dictionary<string, string> { ["A"] = "of the step" },
            Files =
            [
                new InjectedFile("script", "#!/bin/sh\necho executed\n"u8.ToArray(), Executable: true),
                new InjectedFile("plain", "plain\n"u8.ToArray()),
                new InjectedFile("key", "secret\n"u8.ToArray(), Secret: true),
            ],
        };
        var (exit, output) = await run.RunAsync(step);
        Assert.Equal(new ContainerExit.Exited(9), exit);
        Assert.Equal("executed\nplain\nsecret\n400 builder\ntmpfs\npage\nof the step\n", output.Out);
        Assert.Equal(string.Concat(Enumerable.Range(1, 100000).Select(i => $"{i}\n")), output.Error);
    }

    [Fact]
    public async Task A_cancelled_step_may_say_a_last_word()
    {
        await using var run = await TreeRun.OpenAsync(fixture);
        using var cancel = new CancellationTokenSource();
        var output = new OutputRecorder();
        var container = await run.Group.PrepareAsync(run.Shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done"), Stop);
        var running = run.Group.RunAsync(container, StartSpec.AsPrepared, output, cancel.Token);
        await output.Contains("ready\n");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal("ready\nbye\n", output.Out);
    }

    [Fact]
    public async Task A_group_leaves_nothing_on_the_engine()
    {
        await (await TreeRun.OpenAsync(fixture)).DisposeAsync();
        using var auditor = new EngineAuditor(fixture.Service);
        Assert.Empty(await auditor.FindingsAsync());
    }

    [Fact]
    public async Task A_workspace_in_place_is_refused_with_what_to_do_instead()
    {
        fixture.Required();
        using var folder = TestFolder.Create();
        await using var engine = fixture.NewEngine();
        var workspace = new WorkspaceSpec { BasePath = "/w", TreePath = "/w", SourceDirectory = folder.Path, CopyOnWrite = false };
        var failure = await Assert.ThrowsAsync<ContainerException>(
            () => engine.CreateGroupAsync(new GroupSpec { Id = $"t{Guid.NewGuid():N}", Owner = "tests", Workspace = workspace }, Stop));
        Assert.Contains("--in-place", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--out", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_probe_starts_a_container_and_tells_where_files_are()
    {
        fixture.Required();
        await using var engine = fixture.NewEngine();
        var readiness = await engine.ProbeAsync(Stop);
        Assert.True(readiness.Usable, string.Join('\n', readiness.Checks));
        Assert.Contains(readiness.Checks, c => c.Name == "files" && c.Detail.Contains("copied", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_engine_whose_certificate_nobody_vouches_for_is_not_spoken_to()
    {
        fixture.Required();
        using var folder = TestFolder.Create();
        await File.WriteAllTextAsync(folder["ca.pem"], TestCertificate.Create().AuthorityPem, Stop);
        await RefusedAsync(folder);
    }

    [Fact]
    public async Task Who_shows_no_certificate_is_not_spoken_to()
    {
        fixture.Required();
        using var folder = TestFolder.Create();
        File.Copy(Path.Combine(fixture.Certificates, "ca.pem"), folder["ca.pem"]);
        await RefusedAsync(folder);
    }

    private async Task RefusedAsync(TestFolder certificates)
    {
        await using var engine = fixture.NewEngineWith(certificates.Path, certificates["scratch"]);
        var readiness = await engine.ProbeAsync(Stop);
        Assert.False(readiness.Usable);
        Assert.Contains(readiness.Checks, c => c.Name == "engine" && c.Status == ReadinessStatus.Failed && c.Detail.Contains(fixture.Host, StringComparison.Ordinal));
    }
}

/// <summary>Docker.</summary>
public sealed class Docker_elsewhere(DockerElsewhereFixture docker) : EngineElsewhere(docker), IClassFixture<DockerElsewhereFixture>;

/// <summary>Podman.</summary>
public sealed class Podman_elsewhere(PodmanElsewhereFixture podman) : EngineElsewhere(podman), IClassFixture<PodmanElsewhereFixture>;
