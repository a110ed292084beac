using System.Text.RegularExpressions;
using BuildRunner.Testing;

namespace BuildRunner.EndToEnd.Tests.Deploying;

/// <summary>The units of <c>deploy/</c>, as systemd's own checker reads them. That they start what they name is not shown: no systemd runs here.</summary>
public sealed class Units_as_systemd_reads_them : IDisposable
{
    private readonly TestFolder folder = TestFolder.Create();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("buildrunner-server")]
    [InlineData("buildrunner-agent")]
    public async Task Each_is_understood_without_a_word(string unit)
    {
        var checkedUnit = await InstalledAsync(unit);
        var said = await AnalyzeAsync("verify", "--man=no", checkedUnit);
        Assert.True(said.Code == 0 && said.All.Trim().Length == 0, said.All);

        // A word that is not known is told, so that silence means something.
        await File.AppendAllTextAsync(checkedUnit, "[Service]\nKillMoed=process\n", Cancel);
        Assert.Contains("KillMoed", (await AnalyzeAsync("verify", "--man=no", checkedUnit)).All, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_server_is_locked_in()
    {
        var said = await AnalyzeAsync("security", "--offline=true", "--threshold=20", await InstalledAsync("buildrunner-server"));
        Assert.True(said.Code == 0, said.All);
    }

    // A folder that a dynamic user's unit and root's unit both name is moved from the one to the other.
    [Fact]
    public async Task On_one_machine_server_and_agent_have_folders_of_their_own()
    {
        var named = new List<string>();
        foreach (var unit in new[] { "buildrunner-server", "buildrunner-agent" })
        {
            named.AddRange(Regex.Matches(await ReadAsync(unit), "(?m)^StateDirectory=(.*)$").Select(m => m.Groups[1].Value));
        }

        Assert.Equal(["buildrunner", "buildrunner-agent"], named);
        Assert.Equal(3, Regex.Count(await ReadAsync("buildrunner-agent"), "(?m)^Environment=BUILDRUNNER_.*=/var/lib/buildrunner-agent/"));
    }

    private static Task<string> ReadAsync(string unit) => File.ReadAllTextAsync(Path.Combine(Release.Root, "deploy", unit + ".service"), Cancel);

    // As it would be installed: its program is there.
    private async Task<string> InstalledAsync(string unit)
    {
        Requires.Program("systemd-analyze");
        var path = folder[unit + ".service"];
        await File.WriteAllTextAsync(path, (await ReadAsync(unit)).Replace("/usr/lib/buildrunner/buildrunner", Release.Executable, StringComparison.Ordinal), Cancel);
        return path;
    }

    private async Task<Finished> AnalyzeAsync(params string[] arguments)
    {
        await using var running = Release.StartProgram(Requires.Find("systemd-analyze")!, folder.Path, new Dictionary<string, string?>(), arguments);
        return await running.EndAsync(TimeSpan.FromMinutes(2));
    }
}
