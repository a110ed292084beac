using System.Text;
using BuildRunner.Core.Messages;
using BuildRunner.Hosting;
using BuildRunner.Server.Bus;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace BuildRunner.Server.Tests.Bus;

/// <summary>What the broker keeps for servers, as the broker tells it.</summary>
public sealed class Queues_at_the_broker(SharedServers servers)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Survive_one_of_its_machines_and_what_is_no_message_lies_beside_them_for_people_to_look_at()
    {
        var spec = new InstallationSpec { Rabbit = await servers.BrokerAsync() };
        await using var server = await Installation.StartAsync(spec);
        await using var probe = new BrokerProbe(spec.Rabbit!);
        await using var connection = await new ConnectionFactory { Uri = spec.Rabbit! }.CreateConnectionAsync(Cancel);
        var steps = $"{spec.Prefix}.steps";
        Assert.Equal(0, await probe.DepthAsync(steps, Cancel));
        await PublishAsync(connection, steps, "{\"messageType\":[\"urn:message:evil\"],\"message\":7");
        await PublishAsync(connection, steps, "nothing that anybody reads");
        Assert.Equal(2, await CountedAsync(probe, $"{steps}_error", 2));
        Assert.Equal(0, await CountedAsync(probe, steps, 0));
        (string, object)[] bounds = [("x-delivery-limit", 20), ("x-dead-letter-exchange", $"{steps}_dead")];
        await DeclareAsync(connection, steps, bounds);
        await DeclareAsync(connection, $"{steps}_error", bounds);
        await DeclareAsync(connection, $"{steps}_dead");
    }

    [Fact]
    public async Task What_comes_back_twenty_times_is_put_aside_for_people_to_look_at()
    {
        var spec = new InstallationSpec { Rabbit = await servers.BrokerAsync() };
        var steps = $"{spec.Prefix}.steps";

        // A server that makes the queues and goes: nobody else takes from them.
        await (await Installation.StartAsync(spec)).DisposeAsync();
        await using var probe = new BrokerProbe(spec.Rabbit!);
        await using var connection = await new ConnectionFactory { Uri = spec.Rabbit! }.CreateConnectionAsync(Cancel);
        await PublishAsync(connection, steps, "poison");
        await CountedAsync(probe, steps, 1);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
        var taken = 0;
        while (await ComesAsync(channel, probe, steps) is { } message)
        {
            Assert.InRange(++taken, 1, 21);
            await channel.BasicNackAsync(message.DeliveryTag, multiple: false, requeue: true, Cancel);
        }

        Assert.InRange(taken, 20, 21);
        Assert.Equal(1, await CountedAsync(probe, $"{steps}_dead", 1));
        Assert.Equal(0, await CountedAsync(probe, steps, 0));
    }

    // Null: it was put aside instead, which the broker does in its own time.
    private static async Task<BasicGetResult?> ComesAsync(IChannel channel, BrokerProbe probe, string queue)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(Patience);
        while (true)
        {
            if (await channel.BasicGetAsync(queue, autoAck: false, Cancel) is { } message)
            {
                return message;
            }

            if (await probe.DepthAsync($"{queue}_dead", Cancel) > 0)
            {
                return null;
            }

            Assert.False(patience.IsCancellationRequested, "the message is gone");
            await Task.Delay(20, Cancel);
        }
    }

    [Fact]
    public async Task Everything_has_the_prefix_of_its_installation_so_that_another_one_hears_nothing_of_it()
    {
        var uri = await servers.BrokerAsync();
        var (one, other) = (new InstallationSpec { Rabbit = uri }, new InstallationSpec { Rabbit = uri });
        await using var server = await Installation.StartAsync(one);
        await using var neighbour = await Installation.StartAsync(other);
        using var here = new Hearing(server);
        using var there = new Hearing(neighbour);
        var (agent, run, work) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        var bus = server.Get<ServerBus>();
        await bus.WantAsync(agent, Cancel);
        await bus.ChangedAsync(run, 1, Cancel);
        await bus.QueuedAsync(run, work, Cancel);
        object[] said = [new AgentWanted(agent), new RunChanged(run, 1), new StepQueued(run, work), new StepWaiting(work)];
        await here.HearsAsync(said);

        // The broker has handed out all of that: what follows it comes after it, if it comes.
        var last = new AgentWanted(Guid.NewGuid());
        await neighbour.Get<ServerBus>().WantAsync(last.Agent, Cancel);
        await there.HearsAsync(last);
        Assert.Equal([last], there.Heard);
    }

    private static async Task PublishAsync(IConnection connection, string exchange, string body)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
        await channel.BasicPublishAsync(exchange, "", Encoding.UTF8.GetBytes(body), Cancel);
    }

    private static async Task<long?> CountedAsync(BrokerProbe probe, string queue, long wanted)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        patience.CancelAfter(Patience);
        while (await probe.DepthAsync(queue, Cancel) is var depth && depth != wanted)
        {
            Assert.False(patience.IsCancellationRequested, $"{queue} holds {depth} messages");
            await Task.Delay(50, Cancel);
        }

        return wanted;
    }

    // Whoever declares a queue that is there as it is not is refused.
    private static async Task DeclareAsync(IConnection connection, string queue, params (string Name, object Value)[] more)
    {
        await using var channel = await connection.CreateChannelAsync(cancellationToken: Cancel);
        var arguments = more.Append(("x-queue-type", "quorum")).ToDictionary(a => a.Item1, a => (object?)a.Item2);
        await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: Cancel);
        arguments["x-queue-type"] = "classic";
        await Assert.ThrowsAsync<OperationInterruptedException>(
            () => channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: Cancel));
    }
}
