using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;

namespace BuildRunner.Core.Tests.Runs;

/// <summary>Which steps may be prepared before they are due.</summary>
public sealed class Steps_ahead
{
    private static readonly WorkflowPlan Diamond = Plans.Workflow(
        "ci", Plans.Step("a"), Plans.Step("b", "a"), Plans.Step("c", "a"), Plans.Step("d", "b", "c"), Plans.Step("late", "d").On("failure"));

    [Theory]
    [InlineData(1, "a")]
    [InlineData(2, "a b c")]
    [InlineData(3, "a b c d")]
    [InlineData(9, "a b c d")]
    public void Are_those_that_follow_one_another_as_far_as_is_asked(int depth, string expected)
    {
        var state = new Simulation(Plans.Run(Diamond)).State.Workflow("ci") with { Phase = new WorkflowPhase.Running(DateTimeOffset.UnixEpoch, null) };
        Assert.Equal(expected, string.Join(' ', Lookahead.Next(Diamond, state, depth).Select(s => s.Name)));
    }

    [Fact]
    public void Are_at_once_as_many_as_have_the_same_distance_from_the_start()
    {
        Assert.Equal(2, Lookahead.Width(Diamond));
        Assert.Equal(1, Lookahead.Width(Plans.Workflow("ci", Plans.Step("a"), Plans.Step("b", "a"), Plans.Step("c", "b"))));
        Assert.Equal(3, Lookahead.Width(Plans.Workflow("ci", Plans.Step("a"), Plans.Step("b"), Plans.Step("c"))));
        Assert.Equal(1, Lookahead.Width(Plans.Workflow("ci")));
    }
}
