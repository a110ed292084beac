using BuildRunner.Server.Webhooks;

namespace BuildRunner.Server.Tests.Webhooks;

public sealed class LimitedBodyTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(99_999)]
    [InlineData(100_000)]
    public async Task A_body_up_to_the_limit_is_read_whole(int length)
    {
        var bytes = new byte[length];
        new Random(1).NextBytes(bytes);
        var body = await LimitedBody.ReadAsync(new MemoryStream(bytes), length, 100_000, new BodyBudget(1_000_000).Begin(), TestContext.Current.CancellationToken);
        Assert.Equal(bytes, body?.ToArray());
    }

    [Fact]
    public async Task A_body_that_says_it_is_longer_is_not_read_at_all()
    {
        var stream = new MemoryStream(new byte[10]);
        Assert.Null(await LimitedBody.ReadAsync(stream, 11, 10, new BodyBudget(1_000_000).Begin(), TestContext.Current.CancellationToken));
        Assert.Equal(0, stream.Position);
    }

    [Fact]
    public async Task A_body_that_is_longer_than_it_says_is_left_at_the_limit()
    {
        var stream = new MemoryStream(new byte[1_000_000]);
        Assert.Null(await LimitedBody.ReadAsync(stream, null, 100_000, new BodyBudget(1_000_000).Begin(), TestContext.Current.CancellationToken));
        Assert.Equal(100_001, stream.Position);
    }

    [Fact]
    public async Task Bodies_that_nobody_has_verified_share_their_memory_and_give_it_back()
    {
        var budget = new BodyBudget(150_000);
        using (var first = budget.Begin())
        {
            Assert.NotNull(await LimitedBody.ReadAsync(new MemoryStream(new byte[100_000]), null, 100_000, first, TestContext.Current.CancellationToken));
            using var second = budget.Begin();
            Assert.Null(await LimitedBody.ReadAsync(new MemoryStream(new byte[100_000]), null, 100_000, second, TestContext.Current.CancellationToken));
            Assert.True(second.IsSpent);
        }

        using var third = budget.Begin();
        Assert.NotNull(await LimitedBody.ReadAsync(new MemoryStream(new byte[100_000]), null, 100_000, third, TestContext.Current.CancellationToken));
        Assert.False(third.IsSpent);
    }
}
