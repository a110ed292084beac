using System.Text;
using BuildRunner.Hosting;
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
