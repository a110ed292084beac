using BuildRunner.Server.Schedules;
using CsCheck;

namespace BuildRunner.Server.Tests.Schedules;

public sealed class MisfiresTests
{
    private static readonly DateTimeOffset Midnight = CronRuleTests.At("2026-03-01T00:00:00Z");
    private static readonly CronRule Hourly = CronRuleTests.Rule("0 * * * *");

    [Fact]
    public void What_is_not_due_waits()
    {
        var due = Misfires.At(Hourly, Midnight, Midnight.AddMinutes(59), MisfireRule.All);
        Assert.Empty(due.Fire);
        Assert.Equal((Midnight, Midnight.AddHours(1)), (due.HandledUpTo, due.Next));
    }

    [Theory]
    [InlineData(MisfireRule.Once)]
    [InlineData(MisfireRule.Skip)]
    [InlineData(MisfireRule.All)]
    public void What_is_due_on_time_fires_whatever_the_rule(MisfireRule rule)
    {
        var due = Misfires.At(Hourly, Midnight, Midnight.AddHours(1).AddSeconds(3), rule);
        Assert.Equal([Midnight.AddHours(1)], due.Fire);
        Assert.Equal((0, Midnight.AddHours(1), Midnight.AddHours(2)), (due.Missed, due.HandledUpTo, due.Next));
    }

    [Theory]
    [InlineData(MisfireRule.Skip, new int[0], 3)]
    [InlineData(MisfireRule.Once, new[] { 3 }, 2)]
    [InlineData(MisfireRule.All, new[] { 1, 2, 3 }, 0)]
    public void What_was_missed_follows_the_rule(MisfireRule rule, int[] hours, int missed)
    {
        var due = Misfires.At(Hourly, Midnight, Midnight.AddHours(3.5), rule);
        Assert.Equal(hours.Select(hour => Midnight.AddHours(hour)), due.Fire);
        Assert.Equal((missed, Midnight.AddHours(3)), (due.Missed, due.HandledUpTo));
    }

    [Fact]
    public void One_that_is_on_time_stands_for_those_that_were_missed() =>
        Assert.Equal([Midnight.AddHours(3)], Misfires.At(Hourly, Midnight, Midnight.AddHours(3), MisfireRule.Once).Fire);

    [Fact]
    public void A_year_of_seconds_is_decided_at_once_and_bounded()
    {
        var due = Misfires.At(CronRuleTests.Rule("* * * * * *"), Midnight, Midnight.AddYears(1).AddSeconds(0.5), MisfireRule.All);
        Assert.Equal(100 + 60, due.Fire.Count);
        Assert.Equal((Midnight.AddYears(1), Midnight.AddYears(1)), (due.Fire[^1], due.HandledUpTo));
    }

    [Fact]
    public void Asked_again_with_its_own_answer_it_fires_nothing_twice_and_forgets_nothing() =>
        Gen.Select(Gen.Enum<MisfireRule>(), Gen.Int[0, 20_000].Array[1, 10]).Sample((rule, gaps) =>
        {
            var (handled, now) = (Midnight, Midnight);
            var fired = new List<DateTimeOffset>();
            foreach (var gap in gaps)
            {
                now = now.AddSeconds(gap);
                var due = Misfires.At(Hourly, handled, now, rule);
                Assert.Equal(Hourly.After(now).First(), due.Next);
                fired.AddRange(due.Fire);
                handled = due.HandledUpTo;
            }
            Assert.Equal(fired.Distinct().Order(), fired);
            if (rule == MisfireRule.All)
                Assert.Equal(Hourly.After(Midnight).TakeWhile(at => at <= now), fired);
        }, iter: 300);

    [Theory]
    [InlineData(OverlapRule.Allow, true, true, false)]
    [InlineData(OverlapRule.Skip, true, false, false)]
    [InlineData(OverlapRule.CancelPrevious, true, true, true)]
    [InlineData(OverlapRule.Skip, false, true, false)]
    [InlineData(OverlapRule.CancelPrevious, false, true, false)]
    public void While_the_last_run_goes_on_the_overlap_rule_decides(OverlapRule rule, bool goesOn, bool start, bool cancel)
    {
        var decision = FireDecision.For(rule, goesOn);
        Assert.Equal((start, cancel, start), (decision.Start, decision.CancelPrevious, decision.Why is null));
    }
}
