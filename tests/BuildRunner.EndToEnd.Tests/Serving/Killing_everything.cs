using BuildRunner.Campaign;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>A short campaign on each stack: real servers and agents, everything killed in turn by a seed, judged by a witness outside of the product. The long one is
/// run by hand (docs/campaign.md).</summary>
public sealed class Killing_everything(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    [Theory(Explicit = true)]
    [InlineData(false, 8, 20261126)]
    [InlineData(true, 6, 20261127)]
    public async Task Whatever_is_killed_every_accepted_run_ends_as_promised_and_the_witness_agrees(bool large, int runs, int seed)
    {
        Assert.True(File.Exists(Release.Executable), $"{Release.Executable} is not there: run ./buildrunner version first");
        await using var installation = await Installation.StartAsync(Release.Executable, large, Campaigner.Renew);
        var (ledger, random) = (Ledger.New(), new Random(seed));

        // Each victim in turn: what was not killed proves nothing.
        var victims = Fault.VictimsOf(large);
        Fault Next() => Enumerable.Range(0, 10_000).Select(_ => Fault.Next(random, ledger.Kills, large)).First(f => f.Victim == victims[ledger.Rounds % victims.Count]);
        var campaign = await Campaigner.RunAsync(installation, ledger, () => ledger.Rounds < runs ? Next() : null, output.WriteLine);
        output.WriteLine(ledger.Report(large));
        if (campaign.Problems.Count > 0)
        {
            Assert.Fail($"seed {seed}: {string.Join(Environment.NewLine, campaign.Problems)}; the logs are in {installation.Keep()}");
        }

        Assert.All(victims, v => Assert.Contains(ledger.Kills.Keys, k => k.Victim == v));
        if (large)
        {
            await GoesOnWithoutTheBrokerAsync(installation);
        }
    }

    // The agent that is left speaks to the server to which the runs are not told: without the bus it finds them by looking.
    private static async Task GoesOnWithoutTheBrokerAsync(Installation installation)
    {
        await installation.Broker!.KillAsync();
        await installation.Api.SendAsync(HttpMethod.Post, $"agents/{installation.Agents[0].Name}/drain", new { });
        var runs = new Runs(installation);
        var without = new[] { await runs.StartAsync(RunShape.Plain, null, TimeSpan.Zero), await runs.StartAsync(RunShape.Service, null, TimeSpan.Zero) };
        foreach (var run in without)
        {
            Assert.Equal("success", await runs.EndAsync(run, Limit));
        }

        await installation.Broker.RestartAsync();
        Assert.Equal("success", await runs.EndAsync(await runs.StartAsync(RunShape.Plain, null, TimeSpan.Zero), Limit));
    }
}
