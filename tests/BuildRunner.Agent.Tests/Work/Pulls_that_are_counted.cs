using BuildRunner.Agent.Work;
using BuildRunner.Containers.Images;
using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>What images cost, as an agent tells it with its heartbeat.</summary>
public sealed class Pulls_that_are_counted
{
    [Fact]
    public void Bytes_count_once_and_what_was_there_is_a_hit()
    {
        var tally = new PullTally();
        Assert.Null(tally.Take());
        var loading = tally.Watch();
        loading.Report(new PullProgress(PullPhase.Resolving, 0, 0, 0, 0));
        loading.Report(new PullProgress(PullPhase.Loading, 2, 0, 100, 300));
        loading.Report(new PullProgress(PullPhase.Loading, 2, 1, 300, 300));

        // An engine that tells no bytes at the end.
        loading.Report(new PullProgress(PullPhase.Done, 0, 0, 0, 0));
        var there = tally.Watch();
        there.Report(new PullProgress(PullPhase.Resolving, 0, 0, 0, 0));
        there.Report(new PullProgress(PullPhase.Done, 0, 0, 0, 0));
        Assert.Equal(new ImagePulls(300, 1), tally.Take());
        Assert.Null(tally.Take());
    }

    [Fact]
    public void What_the_server_did_not_hear_is_told_again()
    {
        var tally = new PullTally();
        tally.Watch().Report(new PullProgress(PullPhase.Loading, 1, 0, 7, 9));
        tally.PutBack(tally.Take());
        tally.PutBack(null);
        tally.Watch().Report(new PullProgress(PullPhase.Loading, 1, 0, 2, 9));
        Assert.Equal(new ImagePulls(9, 0), tally.Take());
    }
}
