namespace BuildRunner.EndToEnd.Tests.LocalRuns;

/// <summary>Every file below <c>pipelines/</c> is a test input.</summary>
public sealed class Samples
{
    public static TheoryData<string> Files =>
        [.. Directory.GetFiles(Path.Combine(Release.Root, "pipelines"), "*.yml").Select(f => Path.GetRelativePath(Release.Root, f)).Order()];

    [Theory]
    [MemberData(nameof(Files))]
    public async Task Each_sample_lints_without_a_word(string file)
    {
        var lint = await Release.RunAsync("lint", "--strict", file);
        Assert.True(lint.Code == 0, lint.All);
    }

    [Fact]
    public async Task Hello_shows_a_workspace_a_service_and_a_discarded_change()
    {
        var hello = await Release.RunAsync("run", "pipelines/hello.yml");

        Assert.True(hello.Code == 0, hello.All);
        Assert.Contains("made by the first step", hello.Error);
        Assert.Contains("this is thrown away with the container", hello.Error);
        Assert.Contains("the workspace stayed, the rest is gone", hello.Error);
        Assert.Contains("hello from the service", hello.Error);
        Assert.False(File.Exists(Path.Combine(Release.Root, "note.txt")), "the working tree was changed");
        Assert.False(File.Exists("/usr/thrown-away"), "the host was changed");
    }

    [Fact]
    public async Task A_device_is_refused_with_the_setting_that_allows_it_and_with_it_only_its_step_has_it()
    {
        var refused = await Release.RunAsync("run", "pipelines/devices.yml");
        Assert.True(refused.Code == 5, refused.All);
        Assert.Contains("who runs this machine can allow it with the setting Engine:AllowedDevices", refused.Error);

        await using var allowed = Release.Start(Release.Root, new Dictionary<string, string?> { ["BUILDRUNNER_ENGINE__ALLOWEDDEVICES"] = "/dev/zero" }, "run", "pipelines/devices.yml");
        var ran = await allowed.EndAsync(TimeSpan.FromMinutes(2));
        Assert.True(ran.Code == 0, ran.All);
        Assert.Contains("the board was read", ran.Error);
        Assert.Contains("the next step has none", ran.Error);
    }

    [Fact]
    public async Task Our_own_pipeline_restores_builds_and_tests_us()
    {
        await using var running = Release.Start(Release.Root, "run", "pipelines/ci.yml");
        var ci = await running.EndAsync(TimeSpan.FromMinutes(12));

        Assert.True(ci.Code == 0, ci.All);
        Assert.Contains("3 passed", ci.Error);
        Assert.Matches(@"test +│ .*failed: 0", ci.Error);
    }
}
