using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Dispatch;

namespace BuildRunner.Server.Tests.Dispatch;

/// <summary>The times of promise G5, as they are in force where nothing else is set.</summary>
public sealed class Times_of_leases
{
    private static readonly AgentTimes Times = new();

    [Fact]
    public void Are_those_that_are_promised()
    {
        Assert.Equal(
            ("00:00:15", "00:00:45", "00:01:00", "00:01:15"), ($"{Times.HeartbeatEvery}", $"{Times.FenceSelfAfter}", $"{Times.Lease}", $"{Times.GiveAwayAfter}"));
        Assert.Empty(new DispatchOptions().Problems());
        Assert.Equal(3, new DispatchOptions().MaxReturns);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(15)]
    [InlineData(600)]
    public void Are_in_an_order_that_holds_however_often_agents_renew(int seconds)
    {
        var options = DispatchOptions.Of(TimeSpan.FromSeconds(seconds));
        Assert.Empty(options.Problems());
        Assert.Equal(
            (3.0, 4.0, 5.0), (options.Times.FenceSelfAfter / options.Times.HeartbeatEvery, options.Times.Lease / options.Times.HeartbeatEvery, options.Times.GiveAwayAfter / options.Times.HeartbeatEvery));
    }

    [Theory]
    [InlineData(45, 45, 60, 75, 300, "the heartbeat must be more frequent")]
    [InlineData(15, 60, 60, 75, 300, "an agent must fence itself before its lease ends")]
    [InlineData(15, 45, 75, 75, 300, "a lease must end before the work is given away")]
    [InlineData(15, 45, 60, 75, 75, "an agent can only be gone when its work has been given away")]
    public void Are_refused_in_an_order_in_which_two_could_run_at_once(int beat, int fence, int lease, int away, int gone, string problem)
    {
        var times = new AgentTimes { HeartbeatEvery = Seconds(beat), FenceSelfAfter = Seconds(fence), Lease = Seconds(lease), GiveAwayAfter = Seconds(away) };
        Assert.Contains(problem, Assert.Single(new DispatchOptions { Times = times, AgentGoneAfter = Seconds(gone) }.Problems()), StringComparison.Ordinal);
    }

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);
}
