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
    public async Task Our_own_pipeline_restores_builds_and_tests_us()
    {
        await using var running = Release.Start(Release.Root, "run", "pipelines/ci.yml");
        var ci = await running.EndAsync(TimeSpan.FromMinutes(12));

        Assert.True(ci.Code == 0, ci.All);
        Assert.Contains("3 passed", ci.Error);
        Assert.Matches(@"test +│ .*failed: 0", ci.Error);
    }
}
