using System.Text;
using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Bus;
using RabbitMQ.Client;

namespace BuildRunner.Server.Tests.Dispatch;

public abstract partial class Dispatch_conformance
{
    [Fact]
    public async Task Messages_that_are_repeated_a_thousand_times_reordered_or_forged_change_nothing()
    {
        var spec = await SpecAsync() with { ClaimWait = TimeSpan.FromSeconds(30) };
        await using var server = await Installation.StartAsync(spec);
        var run = await server.RunAsync(TestPlans.Steps("build"));
        var agent = await server.AgentAsync();
        var start = await agent.TakeAsync();
        await FloodAsync(server, spec, run, start.Id.Value, agent.Id);
        var step = await agent.SayAndTakeAsync(start, new WorkResult.Ready());
        await FloodAsync(server, spec, run, step.Id.Value, agent.Id);
        await agent.DoAsync(step);
        await agent.SayAsync(await agent.TakeAsync(), new WorkResult.Released());
        await FloodAsync(server, spec, run, step.Id.Value, agent.Id);
        Assert.Equal("success", (await server.StateAsync(run)).Result?.Outcome.Word);

        // Whoever has it still is woken by what is new.
        var waiting = agent.ClaimAsync();
        await server.RunAsync(TestPlans.Steps("build"));
        Assert.Single((await waiting.WaitAsync(TimeSpan.FromSeconds(60), Cancel)).Work);
    }

    // A thousand times what was true once, of work, agents and runs that are not there, and what is no message at all: all of it at once, in any order.
    private static async Task FloodAsync(Installation server, InstallationSpec spec, Guid run, Guid work, Guid agent)
    {
        var bus = server.Get<ServerBus>();
        var forger = spec.Rabbit is { } uri ? await Forger.AtAsync(uri) : null;
        foreach (var some in Enumerable.Range(0, 1000).Chunk(50))
        {
            await Task.WhenAll(some.Select(i => bus.QueuedAsync(run, i % 3 == 0 ? Guid.NewGuid() : work, Cancel).AsTask()));
            await bus.WantAsync(some[0] % 100 == 0 ? agent : Guid.NewGuid(), Cancel);
            await bus.ChangedAsync(some[0] % 100 == 0 ? run : Guid.NewGuid(), some[0], Cancel);
            await (forger?.ForgeAsync($"{spec.Prefix}.steps") ?? Task.CompletedTask);
        }

        await (forger?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    /// <summary>Somebody else at the broker. In the process there is nobody else.</summary>
    private sealed class Forger(IConnection connection, IChannel channel) : IAsyncDisposable
    {
        public static async Task<Forger> AtAsync(Uri broker)
        {
            var connection = await new ConnectionFactory { Uri = broker }.CreateConnectionAsync(Cancel);
            return new Forger(connection, await connection.CreateChannelAsync(cancellationToken: Cancel));
        }

        public Task ForgeAsync(string exchange) => channel.BasicPublishAsync(exchange, "", Encoding.UTF8.GetBytes("{\"messageType\":[\"urn:message:evil\"],\"message\":7"), Cancel).AsTask();

        public async ValueTask DisposeAsync()
        {
            await channel.DisposeAsync();
            await connection.DisposeAsync();
        }
    }
}
