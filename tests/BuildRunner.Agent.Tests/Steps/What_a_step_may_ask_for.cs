using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Core.Runs;
using BuildRunner.Testing;

namespace BuildRunner.Agent.Tests.Steps;

public sealed class What_a_step_may_ask_for : IAsyncDisposable
{
    private readonly ScriptedEngine engine = new();

    public ValueTask DisposeAsync() => engine.DisposeAsync();

    [Fact]
    public async Task A_tag_means_the_same_image_in_every_step_of_a_run()
    {
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a"), AgentRun.Step("b", "a"), AgentRun.Step("c", "b") with { AlwaysPull = true }));
        await run.PlayAsync();
        Assert.Equal(["busybox:latest Missing"], engine.Pulled);
    }

    [Fact]
    public async Task An_image_that_cannot_be_had_is_an_error_that_names_the_reason()
    {
        var without = new ScriptedEngine { Pull = image => throw new ContainerException(ContainerFailure.ImageNotFound, $"there is no image '{image}'") };
        await using var run = new AgentRun(without, AgentRun.Workflow(AgentRun.Step("a")));
        var state = await run.PlayAsync();
        Assert.Equal(new Outcome.Error("image_not_found", "there is no image 'busybox:latest'"), state.Result!.Outcome);
    }

    [Fact]
    public async Task An_image_without_a_shell_is_told_apart_from_other_missing_commands()
    {
        engine.Behaviours["a"] = (_, _, _, _) => throw new ContainerException(ContainerFailure.CommandNotFound, "exec /bin/sh: no such file");
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a")));
        var error = Assert.IsType<Outcome.Error>((await run.PlayAsync()).Result!.Outcome);
        Assert.Equal("no_shell", error.Reason);
        Assert.Contains("/bin/sh", error.Message);
        Assert.Contains("entrypoint", error.Message);
        Assert.Contains("ci.yml(3,5)", error.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Privileged_is_refused_unless_it_is_allowed(bool allowed)
    {
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a") with { Privileged = true }), change: j => j with { Policy = new StepPolicy(allowed, [], []) });
        Assert.Equal(allowed ? "success" : "error", (await run.PlayAsync()).Result!.Outcome.Word);
    }

    [Theory]
    [InlineData("/srv/data:/data", "/srv", true)]
    [InlineData("/srv/data:/data:ro", "/srv/data", true)]
    [InlineData("/srvx:/data", "/srv", false)]
    [InlineData("/srv/../etc:/data", "/srv", false)]
    [InlineData("named:/data", "/", false)]
    public async Task A_volume_is_refused_unless_it_lies_in_an_allowed_directory(string volume, string allowed, bool runs)
    {
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a") with { Volumes = [volume] }), change: j => j with { Policy = new StepPolicy(false, [allowed], []) });
        Assert.Equal(runs ? "success" : "error", (await run.PlayAsync()).Result!.Outcome.Word);
    }

    [Fact]
    public async Task A_link_in_an_allowed_directory_allows_nothing_outside_of_it()
    {
        using var folder = TestFolder.Create();
        Directory.CreateDirectory(folder["allowed/data"]);
        File.CreateSymbolicLink(folder["allowed/out"], "/etc");
        File.CreateSymbolicLink(folder["allowed/in"], "data");
        File.CreateSymbolicLink(folder["alias"], "allowed");
        foreach (var (volume, runs) in new[] { ("allowed/out:/x", false), ("allowed/out/ssh:/x", false), ("allowed/in:/x", true), ("alias/data:/x", true), ("allowed/in/../../../etc:/x", false) })
        {
            await using var run = new AgentRun(
                engine,
                AgentRun.Workflow(AgentRun.Step("a") with { Volumes = [folder[volume]] }),
                change: j => j with { Policy = new StepPolicy(false, [folder["alias"]], []) });
            var outcome = (await run.PlayAsync()).Result!.Outcome;
            Assert.True((outcome.Word == "success") == runs, $"{volume}: {outcome}");
        }

        Assert.All(engine.Started, s => Assert.Equal(folder["allowed/data"], s.Spec.HostMounts.Single(m => m.Target == "/x").Source));
    }

    [Theory]
    [InlineData("/dev/kvm", "/dev/kvm", true)]
    [InlineData("/dev/kvm:/dev/other:r", "/dev/kvm", true)]
    [InlineData("/dev/kvm", "/dev", true)]
    [InlineData("/dev/kvm", "", false)]
    [InlineData("/dev/kvm2", "/dev/kvm", false)]
    [InlineData("/dev/kvm", "kvm", false)]
    [InlineData("/dev/ttyUSB7", "/dev/ttyUSB*", true)]
    [InlineData("/dev/ttyUSB7", "/dev/tty[0-9]*", false)]
    [InlineData("/dev/dri/card0", "/dev/*", false)]
    [InlineData("/dev/dri/card0", "/dev/dri/*", true)]
    [InlineData("/dev/dri", "/dev/dri/*", false)]
    [InlineData("/dev", "/dev/dri", false)]
    public async Task A_device_is_refused_unless_it_is_allowed(string device, string allowed, bool runs)
    {
        await using var run = new AgentRun(
            engine,
            AgentRun.Workflow(AgentRun.Step("a") with { Devices = [device] }),
            change: j => j with { Policy = StepPolicy.Strict with { AllowedDevices = ["/dev/somethingelse", allowed] } });
        Assert.Equal(runs ? "success" : "error", (await run.PlayAsync()).Result!.Outcome.Word);
    }

    [Fact]
    public async Task A_link_to_a_device_counts_as_what_it_leads_to()
    {
        using var folder = TestFolder.Create();
        File.CreateSymbolicLink(folder["by-name"], "/dev/null");
        File.CreateSymbolicLink(folder["by-name2"], "/dev/mem");
        foreach (var (device, allowed, runs) in new[]
        {
            ("by-name", "/dev/null", true), ("by-name", folder["by-name"], true), ("by-name2", folder["by-name"], false), ("by-name2", folder["*"], false), ("by-name2", folder.Path, false),
        })
        {
            await using var run = new AgentRun(
                engine, AgentRun.Workflow(AgentRun.Step("a") with { Devices = [$"{folder[device]}:/dev/x:rw"] }), change: j => j with { Policy = StepPolicy.Strict with { AllowedDevices = [allowed] } });
            var outcome = (await run.PlayAsync()).Result!.Outcome;
            Assert.True((outcome.Word == "success") == runs, $"{device} {allowed}: {outcome}");
        }

        Assert.All(engine.Started, s => Assert.Equal(new HostDevice("/dev/null", "/dev/x", "rw"), Assert.Single(s.Spec.Devices)));
    }

    [Theory]
    [InlineData("privileged", "Engine:AllowPrivileged")]
    [InlineData("volumes", "Engine:AllowedVolumes")]
    [InlineData("devices", "Engine:AllowedDevices")]
    public async Task A_refusal_names_the_step_its_place_and_the_setting(string key, string setting)
    {
        var step = AgentRun.Step("a") with { Privileged = key == "privileged", Volumes = key == "volumes" ? ["/srv:/srv"] : [], Devices = key == "devices" ? ["/dev/kvm"] : [] };
        await using var run = new AgentRun(engine, AgentRun.Workflow(step));
        var error = Assert.IsType<Outcome.Error>((await run.PlayAsync()).Result!.Outcome);
        Assert.Equal("access_denied", error.Reason);
        Assert.Contains("step 'a'", error.Message);
        Assert.Contains("ci.yml(3,5)", error.Message);
        Assert.Contains(setting, error.Message);
        Assert.Empty(engine.Started);
    }

    [Fact]
    public async Task A_local_file_system_is_refused_as_an_image_unless_it_is_allowed()
    {
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a") with { Image = "rootfs:/" }));
        Assert.Equal("access_denied", Assert.IsType<Outcome.Error>((await run.PlayAsync()).Result!.Outcome).Reason);
    }

    [Theory]
    [InlineData("/srv/image", true)]
    [InlineData("/srv/image/", true)]
    [InlineData("/srv", false)]
    [InlineData("/", false)]
    [InlineData("*", true)]
    public async Task A_folder_as_an_image_has_to_be_listed_itself(string listed, bool allowed)
    {
        await using var run = new AgentRun(
            engine, AgentRun.Workflow(AgentRun.Step("a") with { Image = "rootfs:/srv/image" }), change: j => j with { Policy = new StepPolicy(false, [], [listed]) });
        var outcome = (await run.PlayAsync()).Result!.Outcome;
        Assert.Equal(allowed, outcome is Outcome.Success);
        Assert.True(allowed || (outcome is Outcome.Error error && error.Message.EndsWith("list '/srv/image' in Engine:AllowedRootFileSystems, which allows exactly what it lists, and nothing below that", StringComparison.Ordinal)), $"{outcome}");
    }

    [Theory]
    [InlineData("oci-archive:", "images/app.tar", true)]
    [InlineData("docker-archive:", "images/app.tar", true)]
    [InlineData("oci:", "images/layout", true)]
    [InlineData("oci-archive:", "elsewhere/app.tar", false)]
    [InlineData("docker-archive:", "images/../elsewhere/app.tar", false)]
    [InlineData("oci-archive:", "images/out/app.tar", false)]
    [InlineData("oci:", "images-too/layout", false)]
    public async Task An_image_in_a_file_of_the_machine_is_refused_unless_it_lies_in_an_allowed_directory(string transport, string path, bool runs)
    {
        using var folder = TestFolder.Create();
        Directory.CreateDirectory(folder["images"]);
        File.CreateSymbolicLink(folder["images/out"], folder["elsewhere"]);
        await using var run = new AgentRun(
            engine, AgentRun.Workflow(AgentRun.Step("a") with { Image = transport + folder[path] }), change: j => j with { Policy = new StepPolicy(false, [], [folder["images"]]) });
        var outcome = (await run.PlayAsync()).Result!.Outcome;
        Assert.True((outcome.Word == "success") == runs, $"{outcome}");
        Assert.True(runs || outcome is Outcome.Error { Reason: "access_denied" } error && error.Message.Contains("Engine:AllowedRootFileSystems", StringComparison.Ordinal), $"{outcome}");
    }

    [Fact]
    public async Task Images_are_replaced_as_the_map_says()
    {
        var images = new RunImageOptions(null, new Dictionary<string, string> { ["busybox"] = "alpine:3" }, PullPolicy.Never, null, CancellationToken.None);
        await using var run = new AgentRun(engine, AgentRun.Workflow(AgentRun.Step("a")), images: images);
        await run.PlayAsync();
        Assert.Equal(["alpine:3 Never"], engine.Pulled);
    }
}
