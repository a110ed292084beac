using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Engine;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>A Docker Engine that does not see this host's files, behind TLS with certificates on both sides.</summary>
public sealed class EngineElsewhereFixture() : EngineFixture(["dockerd"], async () => await DockerDaemon.StartElsewhereAsync())
{
    public DockerDaemon Daemon => (DockerDaemon)Service;

    protected override DockerEngine Create(DockerEngineOptions options, TimeProvider time) => new(options, time, name => name switch
    {
        "DOCKER_HOST" => Service.Host,
        "DOCKER_TLS_VERIFY" => "1",
        "DOCKER_CERT_PATH" => Daemon.Certificates,
        _ => null,
    });

    protected override string? Address => null;
}

/// <summary>Podman's service in mounts of its own, of which only its socket is known here.</summary>
public sealed class PodmanElsewhereFixture() : EngineFixture(["podman"], async () => await PodmanService.StartElsewhereAsync());

/// <summary>An engine that does not see this host's files has the workspace and everything else over its API.</summary>
public abstract class EngineElsewhere(EngineFixture fixture)
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
        var step = run.Shell("cat /.buildrunner/plain /.buildrunner/key; stat -c '%a %U' /.buildrunner/key; stat -f -c %T /.buildrunner/key; wget -q -O - http://web:8080/; echo $A; seq 1 100000 >&2; exit 9") with
        {
            User = "builder",
            Environment = new Dictionary<string, string> { ["A"] = "of the step" },
            Files = [new InjectedFile("plain", "plain\n"u8.ToArray()), new InjectedFile("key", "secret\n"u8.ToArray(), Secret: true)],
        };
        var (exit, output) = await run.RunAsync(step);
        Assert.Equal(new ContainerExit.Exited(9), exit);
        Assert.Equal("plain\nsecret\n400 builder\ntmpfs\npage\nof the step\n", output.Out);
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
}

/// <summary>Docker, over TCP with TLS.</summary>
public sealed class Docker_elsewhere(EngineElsewhereFixture docker) : EngineElsewhere(docker), IClassFixture<EngineElsewhereFixture>
{
    [Fact]
    public async Task An_engine_whose_certificate_nobody_vouches_for_is_not_spoken_to()
    {
        docker.Required();
        using var folder = TestFolder.Create();
        var other = BuildRunner.Testing.Registries.TestCertificate.Create();
        await File.WriteAllTextAsync(folder["ca.pem"], other.AuthorityPem, TestContext.Current.CancellationToken);
        await using var engine = new DockerEngine(
            new DockerEngineOptions { ScratchDirectory = folder["scratch"], SandboxProgram = EngineFixture.Sandbox },
            TimeProvider.System,
            name => name switch { "DOCKER_HOST" => docker.Service.Host, "DOCKER_TLS_VERIFY" => "1", "DOCKER_CERT_PATH" => folder.Path, _ => null });
        var readiness = await engine.ProbeAsync(TestContext.Current.CancellationToken);
        Assert.False(readiness.Usable);
        Assert.Contains(readiness.Checks, c => c.Name == "engine" && c.Status == ReadinessStatus.Failed);
    }
}

/// <summary>Podman, in mounts of its own.</summary>
public sealed class Podman_elsewhere(PodmanElsewhereFixture podman) : EngineElsewhere(podman), IClassFixture<PodmanElsewhereFixture>;
