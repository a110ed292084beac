using BuildRunner.Server.Bus;
using MassTransit;
using Microsoft.Extensions.DependencyInjection;

namespace BuildRunner.Server.Tests.Bus;

public sealed class Telemetry_of_the_bus
{
    [Fact]
    public void Nothing_is_reported_to_the_vendor_of_the_bus()
    {
        var services = new ServiceCollection();
        services.AddMassTransit(bus =>
        {
            bus.AddServerConsumers();
            bus.UseInProcess(new BusNames("test", Alone: true));
        });
        using var provider = services.BuildServiceProvider();
        var options = provider.GetRequiredService<Microsoft.Extensions.Options.IOptions<UsageTelemetryOptions>>().Value;
        Assert.False(options.Enabled);
    }
}
