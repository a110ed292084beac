using BuildRunner.Campaign;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>Real agents that cannot reach their server, or stand still: for a moment nothing is seen of it; for longer there is one attempt, which is lost, and never two that run.</summary>
/// <remarks>Small: one server on SQLite. Large: two servers on PostgreSQL and RabbitMQ. All times follow from how often agents renew what they hold.</remarks>
public sealed class Being_cut_off
{
    private const int Stop = 19, Continue = 18, Tries = 5;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task For_a_moment_nothing_is_seen_of_it_and_for_longer_the_work_is_lost_and_was_ended_before_it_was_given_away(bool large) => CutAsync(large, TimeSpan.FromSeconds(3));

    [Theory(Explicit = true)]
    [InlineData(false)]
    [InlineData(true)]
    public Task With_the_times_that_are_built_in_20_seconds_are_not_seen_and_minutes_lose_the_work(bool large) => CutAsync(large, TimeSpan.FromSeconds(15));

    private static async Task CutAsync(bool large, TimeSpan renew)
    {
        Assert.True(File.Exists(Release.Executable), $"{Release.Executable} is not there: run ./buildrunner version first");
        await using var installation = await Installation.StartAsync(Release.Executable, large, renew);
        var runs = new Runs(installation);
        await EndsWellAsync(installation, runs, () => ForAMomentAsync(installation, runs));

        // One agent is cut off, the other one stands still. The first can take nothing new, so the second run is the second's.
        var cut = await StartAsync(installation, runs);
        cut.Agent.Gate.Cut();
        cut.Agent.Gate.GiveUpClaims();
        var frozen = await StartAsync(installation, runs);
        Assert.NotEqual(cut.Agent, frozen.Agent);
        frozen.Agent.Process.Send(Stop);
        foreach (var (run, _) in new[] { cut, frozen })
        {
            Assert.Equal("lost", await runs.StepEndAsync(run, "b", Limit + (20 * renew)));
            Assert.Empty(Victims.Of(run));
        }

        cut.Agent.Gate.Heal();
        frozen.Agent.Process.Send(Continue);
        await Task.WhenAll(BeatAsync(cut.Agent), BeatAsync(frozen.Agent));
        await EndsWellAsync(installation, runs, () => runs.StartAsync(RunShape.Plain, null, TimeSpan.Zero));

        // The ends that were told late changed nothing, and nothing was started again.
        Assert.Equal(["lost", "lost"], [await runs.EndAsync(cut.Run, Limit), await runs.EndAsync(frozen.Run, Limit)]);
        Assert.Equal(["a", "b"], StartsOf(installation, cut.Run));
        Assert.Equal(["a", "b"], StartsOf(installation, frozen.Run));
        Assert.Empty(await Remains.AfterAsync(installation, new HashSet<string>(), new HashSet<string>()));
    }

    // Cut off for as many renewals as 20 seconds have of those that are built in.
    private static async Task<int> ForAMomentAsync(Installation installation, Runs runs)
    {
        var (run, agent) = await StartAsync(installation, runs);
        await BeatAsync(agent);
        agent.Gate.Cut();
        await Task.Delay(installation.Renew * 4 / 3, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(installation.Witness.Of(run), t => t is { Step: "b", IsStart: false });
        agent.Gate.Heal();
        await BeatAsync(agent);
        installation.Witness.Tell(run);
        return run;
    }

    // A machine with so much to do that heartbeats were late for other reasons loses work rightly (promise G5), and is asked again.
    private static async Task EndsWellAsync(Installation installation, Runs runs, Func<Task<int>> start)
    {
        for (var tries = 1; ; tries++)
        {
            installation.Gates.ToList().ForEach(g => g.Silence.Take());
            var run = await start();
            var end = await runs.EndAsync(run, Limit);
            var silent = installation.Gates.Max(g => g.Silence.Take());
            var starts = StartsOf(installation, run).ToList();
            if (end == "success")
            {
                Assert.Equal(["a", "b", "c"], starts);
                return;
            }

            Assert.True(end == "lost" && silent > installation.Renew * 2 && tries < Tries, $"the run ended '{end}', and the longest time without an answer to heartbeats was {silent.TotalSeconds:0.0} s");
            Assert.Equal(starts.Distinct(), starts);
        }
    }

    private static IEnumerable<string> StartsOf(Installation installation, int run) => installation.Witness.Of(run).Where(t => t.IsStart).Select(t => t.Step);

    // From a renewal on, so that how long it lasts is measured in renewals.
    private static Task BeatAsync(AgentSeat agent)
    {
        var beat = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        agent.Gate.OnAnswer = call =>
        {
            if (call.Name == "heartbeat")
            {
                beat.TrySetResult();
            }

            return Task.FromResult(true);
        };
        return beat.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
    }

    private static async Task<(int Run, AgentSeat Agent)> StartAsync(Installation installation, Runs runs)
    {
        var run = await runs.StartAsync(RunShape.Plain, "b", Timeout.InfiniteTimeSpan);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Limit);
        await installation.Witness.StartedAsync(run, "b", patience.Token);
        return (run, await runs.HostAsync(run));
    }
}
