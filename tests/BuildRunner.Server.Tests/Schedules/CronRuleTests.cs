using System.Globalization;
using BuildRunner.Server.Schedules;
using BuildRunner.Testing;

namespace BuildRunner.Server.Tests.Schedules;

public sealed class CronRuleTests
{
    [Theory]
    [InlineData("0 2 * * *", "2026-03-01T02:00:00Z", "2026-03-02T02:00:00Z")]
    [InlineData("*/15 * * * *", "2026-03-01T00:15:00Z", "2026-03-01T00:30:00Z")]
    [InlineData("30 0 1 * * *", "2026-03-01T01:00:30Z", "2026-03-02T01:00:30Z")]
    [InlineData("@daily", "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z")]
    [InlineData("@hourly", "2026-03-01T01:00:00Z", "2026-03-01T02:00:00Z")]
    [InlineData("@weekly", "2026-03-08T00:00:00Z", "2026-03-15T00:00:00Z")]
    [InlineData("@monthly", "2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z")]
    [InlineData("@yearly", "2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z")]
    [InlineData("  0 9 * * MON-FRI ", "2026-03-02T09:00:00Z", "2026-03-03T09:00:00Z")]
    [InlineData("0 0 L * *", "2026-03-31T00:00:00Z", "2026-04-30T00:00:00Z")]
    public void A_rule_is_due_when_people_expect(string cron, string first, string second) =>
        Assert.Equal([At(first), At(second)], Rule(cron).After(At("2026-03-01T00:00:00Z")).Take(2));

    [Theory]
    [InlineData(null, "empty")]
    [InlineData("", "empty")]
    [InlineData("* * * *", "has 4 fields")]
    [InlineData("* * * * * * *", "has 7 fields")]
    [InlineData("60 * * * *", "cannot be read")]
    [InlineData("@every 5m", "*/5 * * * *")]
    [InlineData("@fortnightly", "cannot be read")]
    [InlineData("hello", "has 1 fields")]
    public void What_is_no_rule_is_refused_with_what_to_write(string? cron, string expected)
    {
        Assert.False(CronRule.TryParse(cron, null, out _, out var problem));
        Assert.Contains(expected, problem);
    }

    [Fact]
    public void An_unknown_zone_is_refused()
    {
        Assert.False(CronRule.TryParse("@daily", "Mars/Olympus", out _, out var problem));
        Assert.Contains("Mars/Olympus", problem);
    }

    [Theory]
    [InlineData("0 0 30 2 *", "never")]
    [InlineData("* * * * * *", "more often than every 60 s")]
    [InlineData("0,30 * * * * *", "more often than every 60 s")]
    [InlineData("59 59 23 * * *", null)]
    [InlineData("* * * * *", null)]
    public void A_rule_that_is_never_or_too_often_due_is_not_allowed(string cron, string? expected)
    {
        var why = Rule(cron).WhyNot(At("2026-03-01T00:00:00Z"), TimeSpan.FromMinutes(1));
        Assert.True(expected is null ? why is null : why?.Contains(expected, StringComparison.Ordinal), why);
    }

    [Fact]
    public void A_time_that_the_night_skips_is_due_when_the_clock_jumps() =>
        Assert.Equal(
            [At("2026-03-28T02:30:00+01:00"), At("2026-03-29T03:00:00+02:00"), At("2026-03-30T02:30:00+02:00")],
            Berlin("30 2 * * *").After(At("2026-03-28T00:00:00Z")).Take(3));

    [Fact]
    public void A_time_that_the_night_has_twice_is_due_once() =>
        Assert.Equal(
            [At("2026-10-25T02:30:00+02:00"), At("2026-10-26T02:30:00+01:00")],
            Berlin("30 2 * * *").After(At("2026-10-24T12:00:00Z")).Take(2));

    [Fact]
    public void A_rule_that_repeats_is_due_in_both() =>
        Assert.Equal(
            [At("2026-10-25T02:00:00+02:00"), At("2026-10-25T02:30:00+02:00"), At("2026-10-25T02:00:00+01:00"), At("2026-10-25T02:30:00+01:00"), At("2026-10-25T03:00:00+01:00")],
            Berlin("*/30 * * * *").After(At("2026-10-24T23:59:00Z")).Take(5));

    internal static CronRule Rule(string cron, string? zone = null)
    {
        Assert.True(CronRule.TryParse(cron, zone, out var rule, out var problem), problem);
        return rule;
    }

    internal static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    private static CronRule Berlin(string cron)
    {
        Requires.Path("/usr/share/zoneinfo/Europe/Berlin");
        return Rule(cron, "Europe/Berlin");
    }
}
