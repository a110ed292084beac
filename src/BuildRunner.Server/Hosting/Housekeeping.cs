using BuildRunner.Server.Logs;
using BuildRunner.Server.Storage;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Hosting;

/// <summary>Removes what is over: logs, sessions, links, tokens, what was remembered of triggers, and folders that belong to no run.</summary>
internal sealed class Housekeeping(Database database, LogFiles files, HousekeepingOptions options)
{
    private const int AtOnce = 200;
    private static readonly TimeSpan Stray = TimeSpan.FromDays(1);

    /// <summary>Looks once at everything; however much there is, in small steps.</summary>
    /// <returns>Of how many runs the logs were removed.</returns>
    public async Task<int> CleanAsync(CancellationToken cancellationToken)
    {
        var removed = 0;
        while (await RemoveLogsAsync(cancellationToken) is > 0 and var some)
        {
            removed += some;
        }

        await database.WriteAsync(ForgetAsync, cancellationToken);
        await RemoveStraysAsync(cancellationToken);
        return removed;
    }

    // Files first: a process that dies in between finds the rows again, and removing nothing is no error.
    private async Task<int> RemoveLogsAsync(CancellationToken cancellationToken)
    {
        var over = await database.ReadAsync(
            async db =>
            {
                DateTimeOffset? limit = await database.NowAsync(db) - options.Logs;
                return await db.Runs
                    .Where(r => r.EndedAt < limit && r.LogsRemovedAt == null)
                    .OrderBy(r => r.EndedAt)
                    .Select(r => r.Id)
                    .Take(AtOnce)
                    .ToListAsync(cancellationToken);
            },
            cancellationToken);
        foreach (var run in over)
        {
            files.Delete(run);
        }

        await database.WriteAsync(
            async turn =>
            {
                DateTimeOffset? now = turn.Now;
                await turn.Db.LogStreams.Where(s => over.Contains(s.Run)).ExecuteDeleteAsync();
                await turn.Db.Runs.Where(r => over.Contains(r.Id)).ExecuteUpdateAsync(set => set.SetProperty(r => r.LogsRemovedAt, now));
            },
            cancellationToken);
        return over.Count;
    }

    private async Task ForgetAsync(WriteTurn turn)
    {
        DateTimeOffset? now = turn.Now;
        var (forgotten, stale) = (turn.Now - options.Deliveries, turn.Now - Stray);
        await turn.Db.ApiTokens.Where(t => t.ExpiresAt < now).ExecuteDeleteAsync();
        await turn.Db.RegistrationTokens.Where(t => t.ExpiresAt < stale).ExecuteDeleteAsync();
        await turn.Db.Deliveries.Where(d => d.At < forgotten).ExecuteDeleteAsync();
    }

    private async Task RemoveStraysAsync(CancellationToken cancellationToken)
    {
        foreach (var runs in files.RunsOlderThan(Stray).Chunk(AtOnce))
        {
            var known = await database.ReadAsync(db => db.Runs.Where(r => runs.Contains(r.Id)).Select(r => r.Id).ToListAsync(cancellationToken), cancellationToken);
            foreach (var stray in runs.Except(known))
            {
                files.Delete(stray);
            }
        }
    }
}

/// <summary>Cleans up while the server lives, at one server of an installation at a time.</summary>
internal sealed partial class HousekeepingService(
    Database database, Housekeeping housekeeping, HousekeepingOptions options, TimeProvider time, ILogger<HousekeepingService> logger) : BackgroundService
{
    private readonly JobLease lease = new(database, "housekeeping");
    private readonly RetryBackoff backoff = new("cleaning up", time, logger);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => backoff.EveryAsync(
        options.Every,
        async () =>
        {
            if (await lease.HasAsync(stoppingToken) && await housekeeping.CleanAsync(stoppingToken) is > 0 and var removed)
            {
                LogRemoved(logger, removed);
            }
        },
        stoppingToken);

    [LoggerMessage(3120, LogLevel.Information, "logs that were older than Logs:Retention were removed; number of their runs: {Runs}")]
    private static partial void LogRemoved(ILogger logger, int runs);
}
