using BuildRunner.Server.Hosting;
using BuildRunner.Server.Storage;
using Hangfire;
using Hangfire.Common;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Schedules;

/// <summary>Hangfire as the clock of schedules: one recurring job for each, at its times and in its zone. It begins when the server serves. What it forgets, or fires twice, does no harm: the job only looks at the table.</summary>
internal sealed class HangfireClock(
    ScheduleStore schedules, ScheduleFirer firer, Database database, IServiceProvider services, IHostApplicationLifetime lifetime, ScheduleOptions options, TimeProvider time,
    ILogger<HangfireClock> logger)
    : BackgroundService
{
    private const string Prefix = "schedule-";

    // What Hangfire's clock missed: it slept, its storage was lost, or another server changed a schedule.
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(30);
    private readonly JobLease lease = new(database, "schedules");
    private readonly RetryBackoff backoff = new("looking for schedules that are due", time, logger);
    private readonly SemaphoreSlim changed = new(0, 1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.Enabled)
        {
            return;
        }

        await lifetime.StartedAsync(stoppingToken);
        schedules.Changed += Ring;
        try
        {
            using var server = await BeginAsync(stoppingToken);
            while (!stoppingToken.IsCancellationRequested)
            {
                await RoundAsync(stoppingToken);
                await changed.WaitAsync(LookAgain, stoppingToken);
            }
        }
        finally
        {
            schedules.Changed -= Ring;
        }
    }

    // Its storage makes its tables when it is first asked for: the database may have gone since the server began to serve.
    private async Task<BackgroundJobServer> BeginAsync(CancellationToken stop)
    {
        while (true)
        {
            try
            {
                return new BackgroundJobServer(HangfireServices.ServerOptions(services), services.GetRequiredService<JobStorage>());
            }
            catch (Exception e) when (!stop.IsCancellationRequested)
            {
                // Nothing is lost: the table is the truth, and is looked at once this has begun.
                await backoff.FailedAsync(e, stop);
            }
        }
    }

    private async Task RoundAsync(CancellationToken stop)
    {
        try
        {
            await RegisterAsync(stop);
            if (await lease.HasAsync(stop))
            {
                await firer.SweepAsync(stop);
            }

            backoff.Worked();
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            // Database or storage may be away; nothing is lost, the next look comes soon.
            await backoff.FailedAsync(e, stop);
        }
    }

    private async Task RegisterAsync(CancellationToken stop)
    {
        var wanted = (await schedules.EnabledAsync(stop)).ToDictionary(s => Prefix + s.Id.ToString("N"), StringComparer.Ordinal);
        var jobs = services.GetRequiredService<IRecurringJobManagerV2>();
        using var connection = services.GetRequiredService<JobStorage>().GetConnection();
        foreach (var job in Hangfire.Storage.StorageConnectionExtensions.GetRecurringJobs(connection).Where(job => job.Id.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            if (!wanted.ContainsKey(job.Id))
            {
                jobs.RemoveIfExists(job.Id);
            }
        }

        foreach (var (id, schedule) in wanted)
        {
            var at = new RecurringJobOptions { TimeZone = ScheduleStore.RuleOf(schedule).Zone, MisfireHandling = MisfireHandlingMode.Ignorable };
            jobs.AddOrUpdate(id, Job.FromExpression<ScheduleFirer>(f => f.SweepAsync(CancellationToken.None)), schedule.Cron, at);
        }
    }

    private void Ring()
    {
        try
        {
            changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // It rings already.
        }
    }

    public override void Dispose()
    {
        changed.Dispose();
        base.Dispose();
    }
}
