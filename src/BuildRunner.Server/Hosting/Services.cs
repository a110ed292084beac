using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Hosting;

/// <summary>Brings the tables to this version before anything else starts; once the server serves, makes what the first query needs.</summary>
internal sealed class Migration(Database database, ServerOptions options, IHostApplicationLifetime lifetime) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(database.WarmUp);
        return options.MigrateOnStart ? database.MigrateAsync(cancellationToken) : Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>What must not delay a server that starts waits here.</summary>
internal static class AfterStart
{
    /// <summary>Completes when the server serves.</summary>
    public static async Task StartedAsync(this IHostApplicationLifetime lifetime, CancellationToken stop)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var told = lifetime.ApplicationStarted.Register(() => started.TrySetResult());
        await started.Task.WaitAsync(stop);
    }
}

/// <summary>Rings after commits while the server lives.</summary>
internal sealed class BellService(BellPump pump, Doorbells bells, IHostApplicationLifetime lifetime) : BackgroundService
{
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStopping.Register(bells.Close);
        return base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => pump.RunAsync(stoppingToken);
}

/// <summary>Sweeps while the server lives, at one server of an installation at a time.</summary>
internal sealed class SweepService(Database database, Sweeper sweeper, DispatchOptions options, TimeProvider time, ILogger<SweepService> logger) : BackgroundService
{
    private readonly JobLease lease = new(database, "sweeper");
    private readonly RetryBackoff backoff = new("looking for expired leases and unnoticed work", time, logger);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => backoff.EveryAsync(
        options.SweepEvery,
        async () =>
        {
            if (await lease.HasAsync(stoppingToken))
            {
                await sweeper.SweepAsync(stoppingToken);
            }
        },
        stoppingToken);
}
