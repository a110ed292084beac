using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Dispatch;

namespace BuildRunner.Server.Tests.Dispatch;

/// <summary>Whoever waits is told for what.</summary>
public sealed class WaitingReasonsTests
{
    private static readonly DateTimeOffset Now = new(2027, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Guid Pinned = Guid.NewGuid();

    [Fact]
    public void No_agent_at_all() => Assert.Equal("no agent has registered", Of(Work()));

    [Fact]
    public void A_label_that_nobody_has() =>
        Assert.Equal("no agent with label arch=arm64, gpu", Of(Work() with { Labels = new Dictionary<string, string> { ["gpu"] = "true", ["arch"] = "arm64" } }, Agent()));

    [Fact]
    public void Labels_that_nobody_has_together() => Assert.Equal(
        "no agent with all of a=1, b=2, and without a label that it must be asked for",
        Of(Work() with { Labels = new Dictionary<string, string> { ["a"] = "1", ["b"] = "2" } }, Agent() with { Labels = Of("a", "1") }, Agent() with { Labels = Of("b", "2") }));

    [Fact]
    public void Agents_that_are_away() => Assert.Equal("no agent is online", Of(Work(), Agent() with { Online = false }));

    [Fact]
    public void Agents_that_drain() => Assert.Equal("every agent is draining", Of(Work(), Agent() with { Drain = true }));

    [Fact]
    public void An_agent_that_takes_nothing() => Assert.Equal("agent 'a' takes nothing: its disk is full", Of(Work(), Agent() with { Unready = "its disk is full" }));

    [Fact]
    public void Strangers_work_where_there_is_only_the_embedded_agent() =>
        Assert.StartsWith("strangers' work is not given", Of(Work() with { Stranger = true }, Agent() with { Embedded = true }), StringComparison.Ordinal);

    [Fact]
    public void Others_that_come_first() => Assert.Equal("2 ahead", WaitingReasons.Of(Work(), 2, Facts(Agent())));

    [Fact]
    public void Nothing_but_a_slot() => Assert.Equal("next, as soon as a slot is free", Of(Work(), Agent()));

    [Fact]
    public void A_paused_queue() => Assert.Equal("the queue is paused by kim: an upgrade", WaitingReasons.Of(Work(), 0, Facts(Agent()) with { PausedBy = "kim: an upgrade" }));

    [Fact]
    public void A_concurrency_group_that_is_full() => Assert.Equal(
        "waits for concurrency group 'deploy', in which 1 may run at once",
        WaitingReasons.Of(Work() with { Group = "x/deploy", GroupLimit = 1 }, 0, Facts(Agent()) with { Held = new Dictionary<string, int> { ["x/deploy"] = 1 } }));

    [Fact]
    public void The_pause_before_a_new_attempt() => Assert.Equal("tries again in 30.0s", Of(Work() with { NotBefore = Now.AddSeconds(30) }, Agent()));

    [Fact]
    public void The_agent_that_has_the_workspace()
    {
        var work = Work() with { Pin = Pinned };
        Assert.Equal("its agent was removed", Of(work));
        Assert.Equal("agent 'a', where its workspace is, does not answer", Of(work, Agent() with { Id = Pinned, Online = false }));
        Assert.Equal("waits for a free slot on agent 'a', where its workspace is", Of(work, Agent() with { Id = Pinned }));
    }

    private static string Of(WaitingWork work, params AgentFacts[] agents) => WaitingReasons.Of(work, 0, Facts(agents));

    private static Dictionary<string, string> Of(string key, string value) => new() { [key] = value };

    private static QueueFacts Facts(params AgentFacts[] agents) => new(Now, null, agents, new Dictionary<string, int>(), EmbeddedTakesStrangers: false);

    private static AgentFacts Agent() => new(Guid.NewGuid(), "a", new Dictionary<string, string>(), Online: true, Embedded: false, Drain: false, Unready: null);

    private static WaitingWork Work() => new()
    {
        Id = Guid.NewGuid(),
        Run = Guid.NewGuid(),
        Repository = "acme/shop",
        Number = 1,
        Workflow = "ci",
        Kind = WorkKind.Start,
        Step = "",
        QueuedAt = Now,
        NotBefore = Now,
        Pin = null,
        Stranger = false,
        LabelSet = 1,
        Group = null,
        GroupLimit = 0,
    };
}
