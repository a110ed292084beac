using BuildRunner.Campaign;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>A short campaign on each stack: real servers and agents, everything killed in turn by a seed, judged by a witness outside of the product. The long one is
/// run by hand (docs/campaign.md).</summary>
public sealed class Killing_everything(ITestOutputHelper output)
{
    [Theory]
    [InlineData(false, 8, 20261126)]
    [InlineData(true, 6, 20261127)]
    public async Task Whatever_is_killed_every_accepted_run_ends_as_promised_and_the_witness_agrees(bool large, int runs, int seed)
    {
        Assert.True(File.Exists(Release.Executable), $"{Release.Executable} is not there: run ./buildrunner version first");
        await using var installation = await Installation.StartAsync(Release.Executable, large);
        var campaign = await Campaigner.RunAsync(installation, Fault.Plan(seed, runs, large), output.WriteLine);
        if (campaign.Problems.Count > 0)
        {
            Assert.Fail($"seed {seed}: {string.Join(Environment.NewLine, campaign.Problems)}; the logs are in {installation.Keep()}");
        }

        // Each victim was killed at least once: what was not killed proves nothing.
        var victims = Enum.GetValues<Victim>().Where(v => large || v is not (Victim.Broker or Victim.Database));
        Assert.All(victims, v => Assert.Contains(Enum.GetValues<Phase>(), p => campaign.Kills(v, p) > 0));
    }
}
