using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Tests.Dispatch;

public abstract partial class Dispatch_conformance
{
    [Fact]
    public async Task Work_goes_only_to_agents_with_its_labels()
    {
        await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("ci", "build") with { Labels = new Dictionary<string, string> { ["gpu"] = "yes", ["platform"] = "linux/amd64" } }));
        var plain = await Server.AgentAsync();
        Assert.Empty((await plain.ClaimAsync()).Work);
        var fitting = await Server.AgentAsync(labels: new Dictionary<string, string> { ["gpu"] = "*" });
        Assert.Equal("ci", (await fitting.TakeAsync()).Workflow);
    }

    [Fact]
    public async Task Work_with_a_higher_priority_goes_first()
    {
        await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("low", "build")));
        await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("high", "build")), run => run with { Priority = 5 });
        Assert.Equal("high", (await (await Server.AgentAsync()).TakeAsync()).Workflow);
    }

    [Fact]
    public async Task A_repository_with_many_runs_does_not_keep_others_waiting()
    {
        for (var i = 0; i < 10; i++)
        {
            await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("busy", "build")));
        }

        var other = await Server.RepositoryAsync("acme/small");
        await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("small", "build")), run => run with { Repository = other });
        var agent = await Server.AgentAsync(slots: 8);
        var order = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            order.Add((await agent.TakeAsync()).Workflow);
        }

        Assert.InRange(order.IndexOf("small"), 0, 1);
    }

    [Fact]
    public async Task A_run_with_many_workflows_does_not_keep_others_of_its_repository_waiting()
    {
        await Server.RunAsync(TestPlans.Of([.. Enumerable.Range(0, 10).Select(i => TestPlans.Workflow($"big-{i}", "build"))]));
        await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("small", "build")));
        var agent = await Server.AgentAsync(slots: 8);
        var order = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            order.Add((await agent.TakeAsync()).Workflow);
        }

        Assert.InRange(order.IndexOf("small"), 0, 1);
    }

    [Fact]
    public async Task No_more_workflows_of_a_group_are_active_than_its_limit()
    {
        for (var i = 0; i < 8; i++)
        {
            await Server.RunAsync(TestPlans.Of(TestPlans.Workflow("deploy", "go") with { Concurrency = new ConcurrencyPlan(2, "production") }));
        }

        var agents = new List<TestAgent>();
        for (var i = 0; i < 8; i++)
        {
            agents.Add(await Server.AgentAsync());
        }

        var claimed = await Task.WhenAll(agents.Select(a => Task.Run(() => a.ClaimAsync())));
        Assert.Equal(2, claimed.Sum(c => c.Work.Count));

        var busy = agents[Array.FindIndex(claimed, c => c.Work.Count == 1)];
        var start = claimed.First(c => c.Work.Count == 1).Work[0];
        await busy.SayAsync(start, new WorkResult.Ready());
        var idle = agents[Array.FindIndex(claimed, c => c.Work.Count == 0)];
        Assert.Empty((await idle.ClaimAsync()).Work);
        await busy.DoAsync(await busy.TakeAsync());
        await busy.SayAsync(await busy.TakeAsync(), new WorkResult.Released());
        Assert.Single((await idle.ClaimAsync()).Work);
        Assert.Empty((await idle.ClaimAsync()).Work);
    }

    [Fact]
    public async Task A_paused_queue_hands_out_no_workflow_and_lets_finish_what_has_begun()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        await agent.SayAsync(await agent.TakeAsync(), new WorkResult.Ready());
        await Server.RunAsync(TestPlans.Steps("build"));
        await Server.Database.WriteAsync(turn => { turn.Db.Add(new SettingRow { Key = Candidates.PausedKey, Value = "kim" }); return Task.CompletedTask; }, Cancel);
        Assert.Equal(["ci/build"], await agent.DoAllAsync());
        await Server.Database.WriteAsync(turn => turn.Db.Settings.ExecuteDeleteAsync(Cancel), Cancel);
        Assert.Equal(["ci", "ci/build"], await agent.DoAllAsync());
    }

    [Fact]
    public async Task A_draining_agent_finishes_what_it_has_and_takes_no_more()
    {
        await Server.RunAsync(TestPlans.Steps("build"));
        await Server.RunAsync(TestPlans.Steps("build"));
        var agent = await Server.AgentAsync();
        await agent.SayAsync(await agent.TakeAsync(), new WorkResult.Ready());
        await Server.Database.WriteAsync(turn => turn.Db.Agents.ExecuteUpdateAsync(set => set.SetProperty(a => a.Drain, true), Cancel), Cancel);
        Assert.True((await agent.BeatAsync()).Drain);
        Assert.Equal(["ci/build"], await agent.DoAllAsync());
    }

    [Fact]
    public async Task Work_of_strangers_is_not_given_to_an_agent_that_shares_the_servers_process()
    {
        await Server.RunAsync(TestPlans.Steps("build"), run => run with { Trust = run.Trust with { Stranger = true } });
        var embedded = await Server.Get<Agents.AgentRegistry>().EmbedAsync("embedded", new Dictionary<string, string>(), Cancel);
        var agent = new TestAgent(Server, embedded.Agent.Value, embedded.Name);
        await agent.HelloAsync();
        Assert.Empty((await agent.ClaimAsync()).Work);
        var item = await (await Server.AgentAsync()).TakeAsync();
        Assert.True(((WorkTask.Start)item.Task).Grants.Stranger);
    }

    [Fact]
    public async Task Work_of_strangers_is_given_to_it_where_an_administrator_says_so()
    {
        await using var server = await Installation.StartAsync(await SpecAsync() with { EmbeddedTakesStrangers = true });
        await server.RunAsync(TestPlans.Steps("build"), run => run with { Trust = run.Trust with { Stranger = true } });
        var embedded = await server.Get<Agents.AgentRegistry>().EmbedAsync("embedded", new Dictionary<string, string>(), Cancel);
        var agent = new TestAgent(server, embedded.Agent.Value, embedded.Name);
        await agent.HelloAsync();
        Assert.True(((WorkTask.Start)(await agent.TakeAsync()).Task).Grants.Stranger);
    }
}
