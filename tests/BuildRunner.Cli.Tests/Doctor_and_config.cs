using BuildRunner.Cli.Output;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Cli.Tests;

public sealed class Doctor_and_config
{
    [Fact]
    public async Task Doctor_says_one_line_for_each_thing_that_was_checked()
    {
        using var cli = new TestCli();
        cli.Environment["BUILDRUNNER_ENGINE__KIND"] = "dummy";
        Assert.Equal(0, await cli.RunAsync("doctor"));
        Assert.StartsWith("✓ engine  dummy: runs nothing\n", cli.Output, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^[✓!] disk    [\d.]+ GiB free at ", cli.Output);
    }

    [Fact]
    public void A_remedy_stands_behind_what_is_missing() => Assert.Equal(
        "✗ engine    no runc -> apt-get install runc\n! user ids  few\n".Replace("->", "→"),
        DoctorVerb.Text(
            [new ReadinessCheck("engine", ReadinessStatus.Failed, "no runc", "apt-get install runc"), new ReadinessCheck("user ids", ReadinessStatus.Warning, "few")],
            new Style(false, true)));

    [Fact]
    public async Task Settings_are_shown_with_their_origin()
    {
        using var cli = new TestCli();
        cli.Environment["BUILDRUNNER_ENGINE__KIND"] = "dummy";
        Assert.Equal(0, await cli.RunAsync("config", "show", "--origin"));
        Assert.Contains("Engine:Kind = dummy  (BUILDRUNNER_ENGINE__KIND)\n", cli.Output);
        Assert.Equal(0, await cli.RunAsync("config", "check"));
        Assert.EndsWith("no problems\n", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_setting_that_cannot_be_used_is_named()
    {
        using var cli = new TestCli();
        cli.Environment["BUILDRUNNER_ENGINE__DEFAULTMEMORY"] = "much";
        Assert.Equal(2, await cli.RunAsync("config", "check"));
        Assert.Contains("Engine:DefaultMemory takes a size", cli.Error);
    }
}
