using System.Net;
using BuildRunner.Agent.Tests.Steps;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>How long an agent may believe that its work is its own goes by a clock that nobody can set (promise G5): the one on the wall ends nothing, and keeps nothing alive.</summary>
public sealed class Clocks_that_somebody_sets : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ScriptedServer server = new();
    private readonly ScriptedEngine engine = new();
    private readonly WallClock clock = new();
    private readonly TestWork work = new(AgentRun.Step("build"));

    public ValueTask DisposeAsync() => engine.DisposeAsync();

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task End_nothing_that_an_agent_does_while_its_server_answers(int days)
    {
        var go = new TaskCompletionSource();
        engine.Behaviours["build"] = async (_, _, _, stop) =>
        {
            await go.Task.WaitAsync(stop);
            return new ContainerExit.Exited(0);
        };
        await using var agent = await BeginAsync();
        clock.Off = TimeSpan.FromDays(days);
        var beats = server.Heartbeats;
        await server.SeesAsync(s => s.Heartbeats > beats + 3, "heartbeats");
        go.SetResult();
        await server.SeesAsync("result build success");
        server.Queue(work.Release);
        await server.SeesAsync("result release released");
        Assert.Equal(1, server.Told.Count(t => t == "hello"));
    }

    [Fact]
    public async Task Keep_nothing_alive_of_an_agent_that_is_cut_off()
    {
        server.Times = server.Times with { FenceSelfAfter = TimeSpan.FromSeconds(2), Lease = TimeSpan.FromSeconds(3), GiveAwayAfter = TimeSpan.FromSeconds(4) };
        engine.Behaviours["build"] = async (_, _, _, stop) =>
        {
            await Task.WhenAny(Task.Delay(Timeout.Infinite, stop), engine.Sees("disposed build"));
            return new ContainerExit.Signaled(9);
        };
        await using var agent = await BeginAsync();
        var cut = TimeProvider.System.GetTimestamp();
        server.Fault = _ => HttpStatusCode.ServiceUnavailable;
        clock.Off = TimeSpan.FromDays(-1);
        await engine.Sees("disposed build");
        Assert.InRange(TimeProvider.System.GetElapsedTime(cut), TimeSpan.Zero, Patience);
        server.Fault = _ => null;
        await server.SeesAsync("result build lost");
    }

    private async Task<TestAgent> BeginAsync()
    {
        var agent = TestAgent.Start(server, engine, time: clock);
        server.Queue(work.Start);
        await server.SeesAsync("result start ready");
        server.Queue(work.Step("build"));
        await server.SeesAsync("intent build");
        return agent;
    }

    /// <summary>The system's clocks, of which the one on the wall can be set.</summary>
    private sealed class WallClock : TimeProvider
    {
        public TimeSpan Off { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Off;
    }
}
