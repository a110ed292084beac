using BuildRunner.Server.Bus;
using MassTransit;

namespace BuildRunner.Hosting;

/// <summary>Carries the bus over RabbitMQ, so that several servers work as one installation.</summary>
internal static class RabbitMqTransport
{
    /// <summary>Chooses RabbitMQ.</summary>
    /// <param name="bus">The bus.</param>
    /// <param name="names">Names on it.</param>
    /// <param name="uri"><c>amqp://USER:PASSWORD@HOST:PORT/VHOST</c>, or amqps.</param>
    public static void UseRabbitMq(this IBusRegistrationConfigurator bus, BusNames names, Uri uri) => bus.UsingRabbitMq((context, transport) =>
    {
        transport.Host(uri);

        // What is told to every server goes by exchanges that are named after the message: without the prefix every installation of the broker would hear it.
        transport.MessageTopology.SetEntityNameFormatter(new PrefixEntityNameFormatter(transport.MessageTopology.EntityNameFormatter, $"{names.Prefix}."));
        transport.SendTopology.ConfigureErrorSettings = settings => settings.SetQuorumQueue();
        transport.SendTopology.ConfigureDeadLetterSettings = settings => settings.SetQuorumQueue();

        // One message, one server. What no server can digest, or what comes back again and again, goes to queues beside it, for people to look at.
        transport.ReceiveEndpoint(names.Steps, endpoint =>
        {
            endpoint.SetQuorumQueue();
            endpoint.SetQueueArgument("x-delivery-limit", 20);
            endpoint.BindDeadLetterQueue($"{names.Steps}_dead", $"{names.Steps}_dead", dead => dead.SetQuorumQueue());
            endpoint.ConsumeShared(context);
        });

        // This server's own goes with it: what was meant for a server that is gone concerns nobody.
        transport.ReceiveEndpoint(names.Own, endpoint =>
        {
            endpoint.AutoDelete = true;
            endpoint.Durable = false;
            endpoint.DiscardFaultedMessages();
            endpoint.DiscardSkippedMessages();
            endpoint.ConsumeOwn(context);
        });
    });
}
