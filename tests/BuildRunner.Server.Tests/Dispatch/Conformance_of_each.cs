using System.Text;
using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Bus;

namespace BuildRunner.Server.Tests.Dispatch;

public sealed class Dispatch_on_SQLite_in_process(SharedServers servers) : Dispatch_conformance(servers)
{
    internal override Task<InstallationSpec> SpecAsync() => Task.FromResult(new InstallationSpec());
}

public sealed class Dispatch_on_SQLite_over_RabbitMQ(SharedServers servers) : Dispatch_conformance(servers)
{
    internal override async Task<InstallationSpec> SpecAsync() => new() { Rabbit = await Servers.BrokerAsync() };
}

public sealed class Dispatch_on_PostgreSQL_in_process(SharedServers servers) : Dispatch_conformance(servers)
{
    internal override async Task<InstallationSpec> SpecAsync() => new() { Postgres = await Servers.DatabaseAsync() };
}

public sealed class Dispatch_on_PostgreSQL_over_RabbitMQ(SharedServers servers) : Dispatch_conformance(servers)
{
    internal override async Task<InstallationSpec> SpecAsync() => new() { Postgres = await Servers.DatabaseAsync(), Rabbit = await Servers.BrokerAsync() };

    [Fact]
    public async Task A_claim_that_waits_at_another_server_wakes_too()
    {
        var spec = await SpecAsync() with { ClaimWait = TimeSpan.FromSeconds(60) };
        await using var one = await Installation.StartAsync(spec);
        await using var two = await one.ReplicaAsync(spec);
        var agent = await one.AgentAsync();
        var waiting = agent.At(two).ClaimAsync();
        var run = await one.RunAsync(TestPlans.Steps("build"));
        var start = Assert.Single((await waiting.WaitAsync(TimeSpan.FromSeconds(60) / 2, TestContext.Current.CancellationToken)).Work);

        // What is pinned is told to every server, because the agent may wait at any.
        var pinned = agent.At(two).ClaimAsync();
        await agent.SayAsync(start, new WorkResult.Ready());
        var step = Assert.Single((await pinned.WaitAsync(TimeSpan.FromSeconds(60) / 2, TestContext.Current.CancellationToken)).Work);
        Assert.Equal("build", ((WorkTask.Step)step.Task).Plan.Name);
        Assert.Equal(run, step.Run.Value);
    }

    [Fact]
    public async Task Messages_that_are_repeated_a_thousand_times_reordered_or_forged_change_nothing()
    {
        var spec = await SpecAsync() with { ClaimWait = TimeSpan.FromSeconds(30) };
        await using var server = await Installation.StartAsync(spec);
        var run = await server.RunAsync(TestPlans.Steps("build"));
        var agent = await server.AgentAsync();
        var start = await agent.TakeAsync();
        await FloodAsync(server, spec, run, start.Id.Value);
        var step = await agent.SayAndTakeAsync(start, new WorkResult.Ready());
        await FloodAsync(server, spec, run, step.Id.Value);
        await agent.DoAsync(step);
        await agent.SayAsync(await agent.TakeAsync(), new WorkResult.Released());
        await FloodAsync(server, spec, run, step.Id.Value);
        Assert.Equal("success", (await server.StateAsync(run)).Result?.Outcome.Word);

        // Whoever has it still is woken by what is new, and what was forged lies where people can look at it.
        var waiting = agent.ClaimAsync();
        await server.RunAsync(TestPlans.Steps("build"));
        Assert.Single((await waiting.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)).Work);
    }

    // A thousand times what was true once, of work that is not there, and what is no message at all: all of it at once, in any order.
    private static async Task FloodAsync(Installation server, InstallationSpec spec, Guid run, Guid work)
    {
        var bus = server.Get<ServerBus>();
        var cancel = TestContext.Current.CancellationToken;
        var connection = await new RabbitMQ.Client.ConnectionFactory { Uri = spec.Rabbit! }.CreateConnectionAsync(cancel);
        await using (connection)
        await using (var channel = await connection.CreateChannelAsync(cancellationToken: cancel))
        {
            for (var i = 0; i < 1000; i++)
            {
                await bus.QueuedAsync(run, i % 3 == 0 ? Guid.NewGuid() : work, cancel);
                if (i % 50 == 0)
                {
                    await bus.WantAsync(Guid.NewGuid(), cancel);
                    await RabbitMQ.Client.IChannelExtensions.BasicPublishAsync(channel, $"{spec.Prefix}.steps", "", Encoding.UTF8.GetBytes("{\"messageType\":[\"urn:message:evil\"],\"message\":7"), cancel);
                }
            }
        }
    }
}
