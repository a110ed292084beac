using BuildRunner.Agent.Tests.Steps;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>After a crash the machine is clean before the agent takes work again (promise G8).</summary>
public sealed class What_an_earlier_process_left
{
    // Who does not wait would have claimed meanwhile. Nobody who waits is failed by this.
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(300);

    private readonly ScriptedServer server = new();

    [Fact]
    public async Task Is_removed_before_anything_is_claimed()
    {
        var (looked, gone) = (new TaskCompletionSource(), new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var engine = new ScriptedEngine
        {
            Reap = () =>
            {
                looked.TrySetResult();
                return gone.Task;
            },
        };
        await using var agent = TestAgent.Start(server, engine);
        await looked.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await Task.Delay(Moment, TestContext.Current.CancellationToken);
        Assert.DoesNotContain("claim", server.Calls);
        gone.SetResult(2);
        await server.SeesAsync(s => s.Calls.Contains("claim"), "a claim");
    }
}
