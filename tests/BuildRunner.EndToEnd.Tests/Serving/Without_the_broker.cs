using BuildRunner.Campaign;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>Two servers and two agents on PostgreSQL and a broker that is impatient, and then gone. On demand: it takes four minutes (docs/campaign.md).</summary>
public sealed class Without_the_broker(ITestOutputHelper output)
{
    private static readonly TimeSpan Acknowledged = TimeSpan.FromSeconds(60), Away = TimeSpan.FromSeconds(60), Limit = TimeSpan.FromMinutes(6);

    [Fact(Explicit = true)]
    public async Task A_step_that_outlasts_the_brokers_patience_ends_well_and_once_and_while_the_broker_is_away_everything_goes_on()
    {
        await using var installation = await Installation.StartAsync(Release.Executable, large: true, Campaigner.Renew, Acknowledged);
        var runs = new Runs(installation);

        // The broker looks once a minute for deliveries that are too old: after twice that it has looked.
        var run = await runs.StartAsync(RunShape.Plain, "b", Acknowledged * 2 + TimeSpan.FromSeconds(10));
        Assert.Equal("success", await runs.EndAsync(run, Limit));
        Assert.Equal(["a", "b", "c"], installation.Witness.Of(run).Where(t => t.IsStart).Select(t => t.Step));
        Assert.DoesNotContain("Timeout value used", installation.Broker!.Log, StringComparison.Ordinal);

        Assert.Empty(await new BrokerAway(installation, Away, TimeSpan.FromSeconds(2), output.WriteLine).RunAsync());
    }
}
