using MassTransit;

namespace BuildRunner.Server.Bus;

/// <summary>What the server has on the bus, whichever transport carries it. The choice of the transport is the executable's.</summary>
public static class BusTopology
{
    /// <summary>Registers the consumers and keeps the bus from reporting usage to its vendor.</summary>
    public static void AddServerConsumers(this IBusRegistrationConfigurator bus)
    {
        ArgumentNullException.ThrowIfNull(bus);
        bus.DisableUsageTelemetry();
        bus.AddConsumer<StepQueuedConsumer>();
        bus.AddConsumer<StepWaitingConsumer>();
        bus.AddConsumer<AgentWantedConsumer>();
        bus.AddConsumer<RunChangedConsumer>();
    }

    /// <summary>The default: messages stay in this process.</summary>
    public static void UseInProcess(this IBusRegistrationConfigurator bus, BusNames names)
    {
        ArgumentNullException.ThrowIfNull(bus);
        ArgumentNullException.ThrowIfNull(names);
        bus.UsingInMemory((context, transport) =>
        {
            transport.ReceiveEndpoint(names.Steps, endpoint => endpoint.ConsumeShared(context));
            transport.ReceiveEndpoint(names.Own, endpoint => endpoint.ConsumeOwn(context));
        });
    }

    /// <summary>The endpoint of which each message goes to one server.</summary>
    public static void ConsumeShared(this IReceiveEndpointConfigurator endpoint, IRegistrationContext context)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        endpoint.ConfigureConsumeTopology = false;
        endpoint.PrefetchCount = 64;
        endpoint.ConfigureConsumer<StepQueuedConsumer>(context);
    }

    /// <summary>The endpoint of this server, to which each message goes too.</summary>
    public static void ConsumeOwn(this IReceiveEndpointConfigurator endpoint, IRegistrationContext context)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        endpoint.PrefetchCount = 64;
        endpoint.ConfigureConsumer<StepWaitingConsumer>(context);
        endpoint.ConfigureConsumer<AgentWantedConsumer>(context);
        endpoint.ConfigureConsumer<RunChangedConsumer>(context);
    }
}
