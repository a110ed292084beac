using BuildRunner.Server.Storage;

namespace BuildRunner.Server.Tests.Storage;

public sealed class RisingIdsTests
{
    [Fact]
    public void Each_id_is_higher_than_the_one_before_also_within_a_millisecond_and_when_the_clock_goes_back()
    {
        var ids = new RisingIds();
        var now = new DateTimeOffset(2027, 3, 1, 12, 0, 0, TimeSpan.Zero);
        var made = Enumerable.Range(0, 10_000).Select(i => ids.Next(i == 9_000 ? now.AddSeconds(-5) : now).ToString()).ToList();
        Assert.Equal(made.Order(StringComparer.Ordinal), made);
        Assert.Equal(made.Count, made.Distinct().Count());
        Assert.Equal(7, Guid.Parse(made[0]).Version);
    }
}
