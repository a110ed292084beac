using BuildRunner.Core.AgentContract;

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
}
