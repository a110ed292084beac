using System.Diagnostics.Metrics;
using BuildRunner.Server.Bus;
using BuildRunner.Server.Telemetry;
using Microsoft.Extensions.Hosting;

namespace BuildRunner.Hosting;

/// <summary>Counts what waits at the broker: deliveries live for milliseconds, so a queue that is long, or anything among the dead letters, wants to be looked at.</summary>
internal sealed class BrokerGauge(BrokerProbe broker, BusNames names, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(15);
    private List<Measurement<long>> last = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var gauge = ServerMeter.Gauge("buildrunner.bus.depth", "{message}", "Messages that wait at the broker, by queue", () => last);
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            if (gauge.Enabled)
            {
                last = [.. await CountAsync(names.Steps, stoppingToken), .. await CountAsync($"{names.Steps}_dead", stoppingToken), .. await CountAsync($"{names.Steps}_error", stoppingToken)];
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private async Task<IEnumerable<Measurement<long>>> CountAsync(string queue, CancellationToken cancellationToken) =>
        await broker.DepthAsync(queue, cancellationToken) is { } depth ? [new Measurement<long>(depth, new KeyValuePair<string, object?>("queue", queue))] : [];
}
