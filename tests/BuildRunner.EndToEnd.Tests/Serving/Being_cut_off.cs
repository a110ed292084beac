using BuildRunner.Campaign;

namespace BuildRunner.EndToEnd.Tests.Serving;

/// <summary>Real agents that cannot reach their server, or stand still: for a moment nothing is seen of it; for longer there is one attempt, which is lost, and never two that run.</summary>
public sealed class Being_cut_off
{
    private const int Stop = 19, Continue = 18;
    private static readonly TimeSpan Renew = TimeSpan.FromSeconds(4), Limit = TimeSpan.FromMinutes(4);

    [Fact(Explicit = true)]
    public async Task For_a_moment_nothing_is_seen_of_it_and_for_longer_the_work_is_lost_and_was_ended_before_it_was_given_away()
    {
        await using var installation = await Installation.StartAsync(Release.Executable, large: false, Renew);
        var runs = new Runs(installation);

        // As long in renewals as 20 seconds are by default.
        var short1 = await StartAsync(installation, runs, TimeSpan.FromSeconds(12));
        await BeatAsync(short1.Agent);
        short1.Agent.Gate.Cut();
        await Task.Delay(Renew * 4 / 3, TestContext.Current.CancellationToken);
        short1.Agent.Gate.Heal();
        Assert.Equal("success", await runs.EndAsync(short1.Run, Limit));
        Assert.Equal(3, installation.Witness.Of(short1.Run).Count(t => t.IsStart));

        // One agent is cut off, the other one stands still. The first can take nothing new, so the second run is the second's.
        var cut = await StartAsync(installation, runs, Limit);
        cut.Agent.Gate.Cut();
        cut.Agent.Gate.GiveUpClaims();
        var frozen = await StartAsync(installation, runs, Limit);
        Assert.NotEqual(cut.Agent, frozen.Agent);
        frozen.Agent.Process.Send(Stop);
        foreach (var (run, _) in new[] { cut, frozen })
        {
            Assert.Equal("lost", await runs.StepEndAsync(run, "b", Limit));
            Assert.Empty(Victims.Of(run));
        }

        cut.Agent.Gate.Heal();
        frozen.Agent.Process.Send(Continue);
        foreach (var run in new[] { await runs.StartAsync(RunShape.Plain, null, TimeSpan.Zero), await runs.StartAsync(RunShape.Plain, null, TimeSpan.Zero) })
        {
            Assert.Equal("success", await runs.EndAsync(run, Limit));
        }

        // The ends that were told late changed nothing, and nothing was started again.
        Assert.Equal(2, installation.Witness.Of(cut.Run).Count(t => t.IsStart));
        Assert.Equal(2, installation.Witness.Of(frozen.Run).Count(t => t.IsStart));
        Assert.Equal(["lost", "lost"], [await runs.EndAsync(cut.Run, Limit), await runs.EndAsync(frozen.Run, Limit)]);
        Assert.Empty(await Remains.AfterAsync(installation, new HashSet<string>(), new HashSet<string>()));
    }

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

    private static async Task<(int Run, AgentSeat Agent)> StartAsync(Installation installation, Runs runs, TimeSpan pause)
    {
        var run = await runs.StartAsync(RunShape.Plain, "b", pause);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Limit);
        await installation.Witness.StartedAsync(run, "b", patience.Token);
        return (run, await runs.HostAsync(run));
    }
}
