namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>What goes wrong gets a clear message, a remedy and the exit code of ux.md B.3.2.</summary>
public sealed class Mistakes
{
    private static async Task<Finished> RunPipelineAsync(string pipeline, params string[] more)
    {
        using var tree = new Tree(("ci.yml", pipeline));
        return await Release.RunInAsync(tree.Path, ["run", "ci.yml", .. more]);
    }

    [Fact]
    public async Task A_failing_step_fails_the_run_with_its_last_lines()
    {
        var run = await RunPipelineAsync("steps:\n  - name: bad\n    image: rootfs:/\n    commands: [echo the last words, exit 7]\n");
        Assert.Equal(1, run.Code);
        Assert.Contains("the last words", run.Error);
        Assert.Contains("exit 7", run.Error);
    }

    [Fact]
    public async Task A_misspelt_key_is_shown_with_its_place_and_the_key_that_was_meant()
    {
        var run = await RunPipelineAsync("steps:\n  - name: build\n    image: rootfs:/\n    comands: [make]\n");
        Assert.Equal(3, run.Code);
        Assert.Matches(@"ci\.yml\(4,5\): error BR1\d\d\d: .*comands.*Did you mean .commands.", run.All);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_named()
    {
        var run = await Release.RunAsync("run", "no-such-file.yml");
        Assert.Equal(2, run.Code);
        Assert.Contains("no-such-file.yml", run.Error);
    }

    [Fact]
    public async Task An_unknown_flag_is_wrong_usage()
    {
        var run = await Release.RunAsync("run", "--no-such-flag");
        Assert.Equal(2, run.Code);
        Assert.Contains("--no-such-flag", run.Error);
    }

    [Fact]
    public async Task A_registry_that_is_not_there_is_named()
    {
        var run = await RunPipelineAsync("steps:\n  - name: a\n    image: localhost:1/nothing:1\n    commands: [\"true\"]\n");
        Assert.Equal(5, run.Code);
        Assert.Contains("localhost:1", run.Error);
        Assert.Contains("could not be reached", run.Error);
    }

    [Fact]
    public async Task An_image_layout_that_is_not_there_is_named()
    {
        var run = await RunPipelineAsync("steps:\n  - name: a\n    image: oci:layout\n    commands: [\"true\"]\n");
        Assert.Equal(5, run.Code);
        Assert.Contains("error: The folder ", run.Error);
        Assert.Contains("/layout", run.Error);
    }

    [Fact]
    public async Task A_command_that_does_not_exist_fails_like_in_a_shell()
    {
        var run = await RunPipelineAsync("steps:\n  - name: a\n    image: rootfs:/\n    commands: [no-such-program]\n");
        Assert.Equal(1, run.Code);
        Assert.Contains("exit 127", run.Error);
    }

    [Fact]
    public async Task An_image_without_a_shell_says_so_and_names_entrypoint()
    {
        using var image = new Tree(("etc/motd", "no shell here"));
        var run = await RunPipelineAsync($"steps:\n  - name: a\n    image: rootfs:{image.Path}\n    commands: [\"true\"]\n");
        Assert.Equal(5, run.Code);
        Assert.Contains("/bin/sh", run.Error);
        Assert.Contains("entrypoint", run.Error);
    }

    [Fact]
    public async Task A_runtime_that_is_missing_is_named_with_the_way_to_get_it()
    {
        using var tree = new Tree(("ci.yml", "steps:\n  - name: a\n    image: rootfs:/\n    commands: [\"true\"]\n"));
        var environment = new Dictionary<string, string?> { ["BUILDRUNNER_ENGINE__RUNTIME"] = "/no/such/runc" };
        await using var running = Release.Start(tree.Path, environment, "run", "ci.yml");
        var run = await running.EndAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(5, run.Code);
        Assert.Contains("/no/such/runc", run.Error);
        Assert.Contains("runc", run.Error);
    }

    [Fact]
    public async Task A_step_over_its_time_is_ended_and_called_timed_out()
    {
        var run = await RunPipelineAsync("steps:\n  - name: slow\n    image: rootfs:/\n    timeout: 1s\n    commands: [sleep 600]\n");
        Assert.Equal(124, run.Code);
        Assert.Contains("timed out", run.Error.Replace('_', ' '));
    }

    [Fact]
    public async Task The_doctor_finds_a_machine_that_can_run_containers()
    {
        var doctor = await Release.RunAsync("doctor");
        Assert.True(doctor.Code == 0, doctor.All);
        Assert.Matches("engine +a container ran", doctor.Output);
        Assert.Matches("runtime +runc version", doctor.Output);
    }

    [Fact]
    public async Task The_doctor_says_what_to_install_where_the_runtime_is_missing()
    {
        var environment = new Dictionary<string, string?> { ["BUILDRUNNER_ENGINE__RUNTIME"] = "/no/such/runc" };
        await using var running = Release.Start(Release.Root, environment, "doctor");
        var doctor = await running.EndAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(5, doctor.Code);
        Assert.Contains("apt-get install runc", doctor.Output);
    }
}
