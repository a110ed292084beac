using BuildRunner.Settings;

namespace BuildRunner.Cli.Tests.Settings;

/// <summary>The units below <c>deploy/</c>: they start verbs that there are, with settings that there are, and bring back what has died.</summary>
public sealed class Units_of_systemd
{
    [Theory]
    [InlineData("server")]
    [InlineData("agent")]
    public async Task Start_a_verb_that_tells_when_it_is_ready_and_start_it_again_when_it_has_died(string verb)
    {
        var unit = Unit(verb);
        Assert.Equal(("notify", "always"), (Assert.Single(unit["Type"]), Assert.Single(unit["Restart"])));
        Assert.Equal($"/usr/lib/buildrunner/buildrunner {verb}", Assert.Single(unit["ExecStart"]));
        Assert.True(int.Parse(Assert.Single(unit["WatchdogSec"])) > 0);
        using var cli = new TestCli();
        Assert.Equal(0, await cli.RunAsync(verb, "--help"));
    }

    /// <summary>Else systemd kills the shims with the agent, and with them what steps wrote and how they ended (promise G6); and what runs before the agent's grace is over.</summary>
    [Fact]
    public void Leave_an_agents_shims_alive_and_its_grace_whole()
    {
        var unit = Unit("agent");
        Assert.Equal(("process", "yes"), (Assert.Single(unit["KillMode"]), Assert.Single(unit["Delegate"])));
        var grace = SettingsReader.Read(null, []).Duration(AgentKeys.DrainGrace)!.Value;
        var stop = Assert.Single(unit["TimeoutStopSec"]);
        Assert.EndsWith("min", stop, StringComparison.Ordinal);
        Assert.True(TimeSpan.FromMinutes(int.Parse(stop[..^3])) > grace, $"{stop} is no longer than {grace}");
    }

    [Fact]
    public void Set_nothing_that_is_no_setting()
    {
        var variables = Unit("server")["Environment"].Concat(Unit("agent")["Environment"]).Select(v => v.Split('=', 2)).ToList();
        Assert.NotEmpty(variables);

        // NAME_FILE is a file with the value.
        var file = Path.GetTempFileName();
        var settings = SettingsReader.Read(null, variables.Select(v => KeyValuePair.Create(v[0], v[0].EndsWith("_FILE", StringComparison.Ordinal) ? file : v[1])));
        Assert.Equal("/var/lib/buildrunner", settings.Text(ServerKeys.DataDir));
        File.Delete(file);
    }

    private static ILookup<string, string> Unit(string verb) => File.ReadLines(Path.Combine(Checkout(), "deploy", $"buildrunner-{verb}.service"))
        .Where(l => l.Contains('=') && !l.StartsWith('#')).Select(l => l.Split('=', 2)).ToLookup(l => l[0], l => l[1]);

    private static string Checkout()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "BuildRunner.sln")))
        {
            directory = Path.GetDirectoryName(directory)!;
        }

        return directory;
    }
}
