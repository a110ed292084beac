using BuildRunner.Hosting;

namespace BuildRunner.Cli.Tests;

/// <summary>When a server gives memory back: once after each time that it had something to do, never while it works, and not for what waiting itself allocates.</summary>
public sealed class Quiet_memory
{
    private readonly WorkPace pace = new();
    private long allocated;

    [Fact]
    public void The_start_is_work_and_is_over_with_the_first_look_without_any()
    {
        Assert.Equal([Due.Nothing, Due.Nothing, Due.Everything, Due.Native], Look(WorkPace.Much * 4, WorkPace.Busy, 0, 0));
    }

    [Fact]
    public void Nothing_stops_a_server_that_works()
    {
        Assert.All(Look([.. Enumerable.Repeat(WorkPace.Busy, 1000)]), due => Assert.Equal(Due.Nothing, due));
    }

    [Fact]
    public void What_waiting_allocates_never_adds_up_to_work()
    {
        Assert.All(Look([.. Enumerable.Repeat(WorkPace.Busy - 1, 1000)]), due => Assert.Equal(Due.Native, due));
    }

    [Fact]
    public void Each_burst_is_followed_by_one_collection_and_a_small_one_by_none()
    {
        Assert.Equal([Due.Nothing, Due.Nothing, Due.Everything, Due.Native], Look(WorkPace.Busy, WorkPace.Busy, 0, 0));
        Assert.Equal([Due.Nothing, Due.Everything, Due.Native], Look(WorkPace.Much, 100, 100));
        Assert.Equal([Due.Nothing, Due.Native, Due.Nothing, Due.Native], Look(WorkPace.Busy, 0, WorkPace.Busy, 0));
    }

    private List<Due> Look(params long[] each) => [.. each.Select(bytes => pace.Next(allocated += bytes))];
}
