using BuildRunner.Cli.Output;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Engine.Docker;
using BuildRunner.Containers.Engine.Dummy;

namespace BuildRunner.Cli.Tests;

public sealed class Doctor_and_config
{
    [Fact]
    public async Task Doctor_says_one_line_for_each_thing_that_was_checked()
    {
        using var cli = new TestCli();
        cli.NewEngine = (settings, host) => settings.Text("Engine:Kind") == "docker" ? new DockerEngine(NoEngine, host.Time) : new DummyEngine(host.Time);
        Assert.Equal(0, await cli.RunAsync("doctor"));
        Assert.StartsWith("✓ engine  dummy: runs nothing\n", cli.Output, StringComparison.Ordinal);
        Assert.Matches("(?m)^! docker  cannot be used: .*/no/such/socket.* → ", cli.Output);
        Assert.Matches(@"(?m)^[✓!] disk    [\d.]+ GiB free at ", cli.Output);
    }

    private static DockerEngineOptions NoEngine => new() { Host = "unix:///no/such/socket", ScratchDirectory = "/no/such/folder", SandboxProgram = "/bin/sh" };

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

    [Theory]
    [InlineData("show")]
    [InlineData("show", "--origin")]
    [InlineData("show", "--json")]
    public async Task Secrets_are_never_shown(params string[] arguments)
    {
        using var cli = new TestCli(("uri", "amqp://guest:geheim@localhost\n"), ("settings.json", """{ "Database": { "ConnectionString": "Host=x;Password=geheim" } }"""));
        cli.Environment["BUILDRUNNER_BUS__RABBITMQ__URI_FILE"] = Path.Combine(cli.Directory, "uri");
        Assert.Equal(0, await cli.RunAsync(["config", .. arguments, "--config", "settings.json"]));
        Assert.Contains("***", cli.Output);
        Assert.DoesNotContain("geheim", cli.Output + cli.Error);
    }

    [Fact]
    public async Task Json_has_each_setting_with_value_origin_and_meaning()
    {
        using var cli = new TestCli(("settings.json", """{ "Engine": { "Kind": "dummy" } }"""));
        Assert.Equal(0, await cli.RunAsync("config", "show", "--json", "--config", "settings.json"));
        using var json = System.Text.Json.JsonDocument.Parse(cli.Output);
        var kind = json.RootElement.EnumerateArray().Single(s => s.GetProperty("key").GetString() == "Engine:Kind");
        Assert.Equal(
            ("dummy", Path.Combine(cli.Directory, "settings.json"), "oci", "BUILDRUNNER_ENGINE__KIND"),
            (kind.GetProperty("value").GetString(), kind.GetProperty("origin").GetString(), kind.GetProperty("default").GetString(), kind.GetProperty("variable").GetString()));
        Assert.All(json.RootElement.EnumerateArray(), s => Assert.NotEmpty(s.GetProperty("description").GetString()!));
    }

    [Theory]
    [InlineData("""{ "Engine": { "Knd": "dummy" } }""", "there is no setting 'Engine:Knd'. Did you mean 'Engine:Kind'?")]
    [InlineData("""{ "Images": { "PullPolicy": "never" } }""", "there is no setting 'Images:PullPolicy'. Did you mean 'Images:Pull'?")]
    [InlineData("""{ "Kind": "dummy" }""", "there is no setting 'Kind'. Did you mean 'Engine:Kind'?")]
    [InlineData("""{ "Weather": "fine" }""", "there is no setting 'Weather'. 'buildrunner config show' lists all")]
    public async Task A_setting_that_does_not_exist_is_refused_with_the_one_that_was_meant(string file, string said)
    {
        using var cli = new TestCli(("settings.json", file));
        Assert.Equal(2, await cli.RunAsync("config", "check", "--config", "settings.json"));
        Assert.Equal($"buildrunner: {Path.Combine(cli.Directory, "settings.json")}: {said}\n", cli.Error);
    }
}
