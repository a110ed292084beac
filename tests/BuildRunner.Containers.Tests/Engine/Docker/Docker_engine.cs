using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Testing;
using BuildRunner.Testing.Docker;
using BuildRunner.Testing.Engine;
using BuildRunner.Testing.Services;

namespace BuildRunner.Containers.Tests.Engine.Docker;

/// <summary>What only engines with an API have to keep, beyond the contract.</summary>
[Collection("docker")]
public sealed class Docker_engine(DockerEngineFixture docker)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_directory_image_is_refused_with_the_remedy()
    {
        docker.Required();
        await using var engine = docker.NewEngine();
        var failure = await Assert.ThrowsAsync<ContainerException>(() => engine.PullAsync(EngineFixture.Parse("rootfs:/"), new PullOptions(), null, Stop));
        Assert.Equal(ContainerFailure.InvalidImage, failure.Reason);
        Assert.Contains("--engine oci", failure.Message);
    }

    [Fact]
    public async Task The_probe_names_the_engine_and_starts_a_container_on_it()
    {
        docker.Required();
        await using var engine = docker.NewEngine();
        var readiness = await engine.ProbeAsync(Stop);
        Assert.True(readiness.Usable, string.Join('\n', readiness.Checks));
        Assert.Contains(readiness.Checks, c => c.Name == "version" && c.Detail.Contains("API 1.", StringComparison.Ordinal));
        Assert.Contains(readiness.Checks, c => c.Name == "files" && c.Detail.Contains("sees this host's files", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_probe_leaves_no_image_on_the_engine()
    {
        docker.Required();
        await using var engine = docker.NewEngine();
        using var http = EngineHttp.At(docker.Service.Socket);
        var before = await http.GetStringAsync("images/json?all=1", Stop);
        Assert.True((await engine.ProbeAsync(Stop)).Usable);
        var tags = (string json) => System.Text.RegularExpressions.Regex.Count(json, "buildrunner-carrier");
        Assert.Equal(tags(before), tags(await http.GetStringAsync("images/json?all=1", Stop)));
    }

    /// <summary>A step that is not root may write to the workspace too, so the folder that takes its writes is open to all: nobody else gets there.</summary>
    [Fact]
    public async Task Another_user_of_the_machine_does_not_get_to_what_steps_write()
    {
        Requires.Root();
        await using var tree = await TreeRun.OpenAsync(docker);
        await tree.ShellAsync("echo of-the-run > /woodpecker/src/made", user: "1000");
        var written = Directory.EnumerateFiles(tree.Folder["scratch"], "made", SearchOption.AllDirectories).ToList();
        Assert.Contains(written, file => file.Contains("/upper/", StringComparison.Ordinal));
        File.SetUnixFileMode(tree.Folder.Path, File.GetUnixFileMode(tree.Folder.Path) | UnixFileMode.OtherExecute);
        await OwnedProcess.RunAsync(["test", "-x", tree.Folder["scratch"]], "daemon");
        foreach (var file in written)
        {
            var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => OwnedProcess.RunAsync(["cat", file], "daemon"));
            Assert.Contains("Permission denied", refused.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Steps_that_run_at_once_have_connections_of_their_own_although_they_were_prepared_on_one()
    {
        docker.Required();
        await using var engine = docker.NewEngine();
        await using var group = await engine.CreateGroupAsync(new GroupSpec { Id = $"t{Guid.NewGuid():N}", Owner = "tests" }, Stop);
        ContainerSpec Step(string script) => new() { Name = "step", Image = docker.Image, Entrypoint = ["sh", "-c", script] };
        const string Address = "ip -4 -o addr show eth0 | awk '{print $4}'; echo changed > /etc/hosts; echo up; ";
        var prepared = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => group.PrepareAsync(Step(Address + "while [ ! -e /tmp/go ]; do sleep 0.05; done"), Stop)));
        var outputs = prepared.Select(_ => new OutputRecorder()).ToList();
        using var stop = new CancellationTokenSource();
        var first = group.RunAsync(prepared[0], StartSpec.AsPrepared, outputs[0], stop.Token);
        var second = group.RunAsync(prepared[1], StartSpec.AsPrepared, outputs[1], stop.Token);
        await Task.WhenAll(outputs[0].Contains("up\n"), outputs[1].Contains("up\n"));
        Assert.NotEqual(outputs[0].Out, outputs[1].Out);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        await Assert.ThrowsAsync<ArgumentException>(() => group.RunAsync(prepared[1], StartSpec.AsPrepared, outputs[2], Stop));

        // One more, prepared before the others ran: it finds the names as they were.
        await using var third = await group.PrepareAsync(Step("grep -c changed /etc/hosts; hostname"), Stop);
        await group.RunAsync(third, StartSpec.AsPrepared, outputs[2], Stop);
        Assert.StartsWith("0\n", outputs[2].Out, StringComparison.Ordinal);
        await Task.WhenAll(prepared.Select(p => p.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task A_limit_of_the_disk_is_refused_with_what_to_do_instead()
    {
        docker.Required();
        await using var engine = docker.NewEngine();
        var failure = await Assert.ThrowsAsync<ContainerException>(
            () => engine.CreateGroupAsync(new GroupSpec { Id = $"t{Guid.NewGuid():N}", Owner = "tests", Limits = new ResourceLimits(DiskBytes: 1L << 30) }, Stop));
        Assert.Equal(
            (ContainerFailure.InvalidSpec, "The engine docker cannot limit a workflow to 1024 MiB of disk (resources: disk, or Engine:WorkflowDisk); the engine oci can. Use that, or give no limit."),
            (failure.Reason, failure.Message));
    }

    [Fact]
    public async Task An_engine_that_is_not_there_is_told_with_where_it_was_looked_for()
    {
        using var folder = TestFolder.Create();
        await using var engine = new BuildRunner.Containers.Engine.Docker.DockerEngine(
            new() { Host = $"unix://{folder["no.sock"]}", ScratchDirectory = folder["scratch"], SandboxProgram = "/bin/sh" }, TimeProvider.System);
        var readiness = await engine.ProbeAsync(Stop);
        Assert.False(readiness.Usable);
        Assert.Contains(readiness.Checks, c => c.Status == ReadinessStatus.Failed && c.Detail.Contains(folder["no.sock"], StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_step_that_has_run_is_not_waited_for_until_the_engine_has_removed_it_and_the_next_has_its_connection()
    {
        docker.Required();
        await using var engine = docker.NewEngine();
        await using var group = await engine.CreateGroupAsync(new GroupSpec { Id = $"t{Guid.NewGuid():N}", Owner = "tests" }, Stop);
        var addresses = new HashSet<string>();
        for (var i = 0; i < 3; i++)
        {
            var output = new OutputRecorder();
            var spec = new ContainerSpec { Name = "step", Image = docker.Image, Entrypoint = ["sh", "-c", "ip -4 -o addr show eth0 | awk '{print $4}'"] };
            await using var container = await group.PrepareAsync(spec, Stop);
            Assert.Equal(new ContainerExit.Exited(0), await group.RunAsync(container, StartSpec.AsPrepared, output, Stop));
            addresses.Add(output.Out);
        }

        Assert.Single(addresses);
    }
}
