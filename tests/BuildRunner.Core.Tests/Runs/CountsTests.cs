using BuildRunner.Core.Runs;

namespace BuildRunner.Core.Tests.Runs;

public sealed class CountsTests
{
    [Theory]
    [InlineData(0, "0 steps")]
    [InlineData(1, "1 step")]
    [InlineData(2, "2 steps")]
    [InlineData(1000, "1000 steps")]
    public void One_is_one(long number, string said) => Assert.Equal(said, Counts.Of(number, "step"));
}
