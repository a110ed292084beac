using BuildRunner.Cli.Running;
using BuildRunner.Hosting;
using BuildRunner.Settings;

namespace BuildRunner.Cli.Tests.Settings;

public sealed class SettingsReaderTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    [Fact]
    public void Defaults_are_there_and_say_so()
    {
        var settings = SettingsReader.Read(Write("{}"), []);
        Assert.Equal("runc", settings.Required(SettingKeys.EngineRuntime));
        Assert.Equal(2L << 30, settings.Size(SettingKeys.EngineDefaultMemory));
        Assert.Equal("default", settings.All.First(s => s.Key.Name == SettingKeys.EngineRuntime).Value!.Origin);
        Assert.Null(settings.Text(SettingKeys.ImagesDir));
    }

    [Fact]
    public void The_environment_wins_over_the_file_and_the_command_line_over_both()
    {
        var file = Write("""{ "Engine": { "Runtime": "from-file", "DefaultMemory": "1GiB", "PidsLimit": 7 }, "Images": { "Insecure": ["a:1", "b"] } }""");
        var settings = SettingsReader.Read(
            file,
            [new("BUILDRUNNER_ENGINE__RUNTIME", "from-environment"), new("BUILDRUNNER_ENGINE__DEFAULTMEMORY", "512MiB"), new("BUILDRUNNER_APP", "not a setting")],
            [new(SettingKeys.EngineRuntime, "from-flag")]);

        Assert.Equal("from-flag", settings.Text(SettingKeys.EngineRuntime));
        Assert.Equal(512L << 20, settings.Size(SettingKeys.EngineDefaultMemory));
        Assert.Equal(7, settings.Number(SettingKeys.EnginePidsLimit));
        Assert.Equal(["a:1", "b"], settings.List(SettingKeys.ImagesInsecure));
    }

    [Fact]
    public void Every_problem_is_told_at_once_with_its_origin()
    {
        var file = Write("""{ "Engine": { "Runtme": "runc", "DefaultMemory": "much" } }""");
        var problems = Assert.Throws<SettingsException>(() => SettingsReader.Read(file, [new("BUILDRUNNER_ENGINE__KIND", "lxc")])).Problems;

        Assert.Equal(3, problems.Count);
        Assert.Equal($"{file}: there is no setting 'Engine:Runtme'. Did you mean 'Engine:Runtime'?", problems[0]);
        Assert.Equal($"{file}: Engine:DefaultMemory takes a size: 512MiB, 2GiB or a number of bytes; it is 'much'", problems[1]);
        Assert.StartsWith("BUILDRUNNER_ENGINE__KIND: Engine:Kind takes ", problems[2]);
    }

    [Fact]
    public void A_file_that_was_named_must_exist() =>
        Assert.Contains("no such file", Assert.Throws<SettingsException>(() => SettingsReader.Read("/no/such/file.json", [])).Message);

    [Fact]
    public void A_file_that_is_not_json_is_named_with_the_line() =>
        Assert.Contains("LineNumber", Assert.Throws<SettingsException>(() => SettingsReader.Read(Write("{ \"Engine\": "), [])).Message);

    [Theory]
    [InlineData("90s", 90)]
    [InlineData("10m", 600)]
    [InlineData("1.5h", 5400)]
    [InlineData("2d", 172800)]
    [InlineData("00:10:00", 600)]
    [InlineData("500ms", 0.5)]
    public void Durations_have_their_forms(string text, double seconds)
    {
        Assert.True(SettingText.TryDuration(text, out var duration));
        Assert.Equal(TimeSpan.FromSeconds(seconds), duration);
    }

    [Theory]
    [InlineData("")]
    [InlineData("m")]
    [InlineData("10")]
    [InlineData("-1s")]
    [InlineData("ten minutes")]
    [InlineData("99999999999999d")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(SettingText.TryDuration(text, out _));

    [Theory]
    [InlineData("1000", 1000)]
    [InlineData("64KiB", 65536)]
    [InlineData("1.5 GiB", 1610612736)]
    [InlineData("5MB", 5000000)]
    public void Sizes_have_their_forms(string text, long bytes)
    {
        Assert.True(SettingText.TrySize(text, out var parsed));
        Assert.Equal(bytes, parsed);
    }

    public void Dispose() => File.Delete(_file);

    private string Write(string json)
    {
        File.WriteAllText(_file, json);
        return _file;
    }

    [Fact]
    public void No_setting_is_in_the_table_twice() => Assert.Equal(SettingKeys.All.Select(k => k.Name).Distinct(StringComparer.OrdinalIgnoreCase), SettingKeys.All.Select(k => k.Name));

    [Theory]
    [InlineData(null, false)]
    [InlineData("/", true)]
    [InlineData("*", true)]
    public void An_agent_takes_no_image_from_its_machines_own_files_unless_it_is_told_to(string? allowed, bool takes)
    {
        var host = new CliHost
        {
            Output = Stream.Null,
            Error = Stream.Null,
            Input = Stream.Null,
            Terminal = TerminalFacts.None,
            Environment = new Dictionary<string, string>(),
            Directory = "/",
            Time = TimeProvider.System,
            Signals = StopSignals.Scripted(_ => { }),
            NewEngine = Engines.Create,
        };
        var settings = SettingsReader.Read(null, allowed is null ? [] : new Dictionary<string, string> { ["BUILDRUNNER_ENGINE__ALLOWEDROOTFILESYSTEMS"] = allowed });
        var agent = AgentPlan.Of(settings, host, new Uri("http://127.0.0.1:8080"));
        Assert.Equal(takes, agent.AllowedRootFileSystems.Count > 0);
        Assert.NotEmpty(LocalJobs.PolicyOf(settings).AllowedRootFileSystems);
    }
}
