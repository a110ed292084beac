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
        Assert.Contains("success", await ForAMomentAsync(installation, runs));

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
        foreach (var run in new[] { await runs.StartAsync(RunShape.Plain, null, TimeSpan.Zero), await runs.StartAsync(RunShape.Plain, null, TimeSpan.Zero) })
        {
            Assert.Equal("success", await runs.EndAsync(run, Limit));
        }

        // The ends that were told late changed nothing, and nothing was started again.
        Assert.Equal(["lost", "lost"], [await runs.EndAsync(cut.Run, Limit), await runs.EndAsync(frozen.Run, Limit)]);
        Assert.Equal(["a", "b"], StartsOf(installation, cut.Run));
        Assert.Equal(["a", "b"], StartsOf(installation, frozen.Run));
        Assert.Empty(await Remains.AfterAsync(installation, new HashSet<string>(), new HashSet<string>()));
    }

    // Cut off for as many renewals as 20 seconds have of those that are built in. A machine with so much to do that its heartbeats were late besides says nothing of that: it is asked again.
    private static async Task<List<string>> ForAMomentAsync(Installation installation, Runs runs)
    {
        var ends = new List<string>();
        for (var tries = 0; tries < Tries && !ends.Contains("success"); tries++)
        {
            var (run, agent) = await StartAsync(installation, runs);
            await BeatAsync(agent);
            _ = agent.Gate.Silence.Take();
            agent.Gate.Cut();
            await Task.Delay(installation.Renew * 4 / 3, TestContext.Current.CancellationToken);
            Assert.DoesNotContain(installation.Witness.Of(run), t => t is { Step: "b", IsStart: false });
            agent.Gate.Heal();
            await BeatAsync(agent);
            var silent = agent.Gate.Silence.Take();
            installation.Witness.Tell(run);
            ends.Add(await runs.EndAsync(run, Limit));
            Assert.True(ends[^1] == "success" || (ends[^1] == "lost" && silent > installation.Renew * 2), $"the run ended '{ends[^1]}' after {silent.TotalSeconds:0.0} s without an answer to heartbeats");
            Assert.Equal(ends[^1] == "success" ? ["a", "b", "c"] : ["a", "b"], StartsOf(installation, run));
        }

        return ends;
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
