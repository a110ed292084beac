using System.Text.Json;
using BuildRunner.Server.Hosting;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>Brings the checks of runs to what they shall show (promise G11). What is left to do is a row per run; a server that dies leaves it to the next. At one server of an installation.</summary>
internal sealed partial class CheckReporter(
    Database database, ForgeRepositories repositories, RunViewLoader views, GitHubChecks checks, GitHubOptions options, TimeProvider time, ILogger<CheckReporter> logger)
    : BackgroundService
{
    private const int AtOnce = 200;
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan AfterDefect = TimeSpan.FromMinutes(1);
    private readonly JobLease lease = new(database, "checks");
    private readonly RetryBackoff backoff = new("reporting checks", time, logger);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => backoff.EveryAsync(
        LookAgain,
        async () =>
        {
            while (await lease.HasAsync(stoppingToken) && await RoundAsync(stoppingToken))
            {
                // There was something; there may be more.
            }
        },
        stoppingToken);

    private async Task<bool> RoundAsync(CancellationToken stop)
    {
        var due = await database.ReadAsync(
            async db =>
            {
                var now = await database.NowAsync(db);
                return await (
                    from todo in db.ChecksDue
                    join run in db.Runs on todo.Run equals run.Id
                    where run.Version != todo.Version || (todo.DueAt > DateTimeOffset.UnixEpoch && todo.DueAt <= now) || (todo.DueAt == DateTimeOffset.UnixEpoch && run.Stage == RunStage.Ended)
                    orderby todo.DueAt, todo.Run
                    select new Due(run.Id, run.Repository, run.Version)).Take(AtOnce).ToListAsync(stop);
            },
            stop);
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = stop }, async (run, token) => await TryReportAsync(run, token));
        return due.Count == AtOnce;
    }

    // One run that breaks us must not keep the checks of all others from being told: it is tried again, later.
    private async Task TryReportAsync(Due due, CancellationToken stop)
    {
        try
        {
            await ReportAsync(due, stop);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            LogBroken(logger, due.Run, e);
            await NoteAsync(due, due.Version, time.GetUtcNow() + AfterDefect, stop);
        }
    }

    private async Task ReportAsync(Due due, CancellationToken stop)
    {
        if (await repositories.OfAsync(due.Repository, stop) is not { } link || await views.LoadAsync(due.Run, stop) is not { } view)
        {
            await database.WriteAsync(turn => turn.Db.ChecksDue.Where(c => c.Run == due.Run).ExecuteDeleteAsync(), stop);
            return;
        }

        var place = new ForgePlace(link.ForgeId, link.FullName, link.Installation);
        DateTimeOffset? again = null;
        foreach (var desired in RunChecks.Of(view, options.CheckName))
        {
            again = Earlier(again, await BringAsync(due.Run, place, desired, stop));
        }

        await NoteAsync(due, view.Revision, again, stop);
    }

    /// <summary>Sends until the check shows what it shall, or has to wait.</summary>
    /// <returns>When to go on; null: there is nothing left to do.</returns>
    private async Task<DateTimeOffset?> BringAsync(Guid run, ForgePlace place, DesiredCheck desired, CancellationToken stop)
    {
        var workflow = desired.Key.Workflow;
        var json = await database.ReadAsync(db => db.Checks.Where(c => c.Run == run && c.Workflow == workflow).Select(c => c.Reported).SingleOrDefaultAsync(stop), stop);
        var reported = json is null ? ReportedCheck.Nothing : JsonSerializer.Deserialize(json, StoredJson.Default.ReportedCheck)!;
        while (true)
        {
            var request = CheckPlan.Next(desired, reported, time.GetUtcNow());
            switch (request)
            {
                case CheckRequest.Nothing:
                    return null;
                case CheckRequest.Wait(var until):
                    return until;
                default:
                    break;
            }

            if (request is CheckRequest.Create)
            {
                // Should this server die before the answer: it may have been made, and has to be looked for.
                await SaveAsync(run, workflow, reported with { MayExist = true });
            }

            var answer = await checks.SendAsync(place, desired, request, CancellationToken.None);
            reported = CheckPlan.After(desired, reported, request, answer, time.GetUtcNow());
            await SaveAsync(run, workflow, reported);
            if (reported.GaveUp is { } why)
            {
                LogGaveUp(logger, desired.Name, why);
            }

            stop.ThrowIfCancellationRequested();
        }
    }

    private Task SaveAsync(Guid run, string workflow, ReportedCheck reported)
    {
        var json = JsonSerializer.Serialize(reported, StoredJson.Default.ReportedCheck);
        return database.WriteAsync(
            async turn =>
            {
                if (await turn.Db.Checks.Where(c => c.Run == run && c.Workflow == workflow).ExecuteUpdateAsync(set => set.SetProperty(c => c.Reported, json)) == 0)
                {
                    turn.Db.Add(new CheckRow { Run = run, Workflow = workflow, Reported = json });
                }
            },
            CancellationToken.None);
    }

    // Nothing left: the row goes with the run's end, and until then waits for its next change.
    private Task NoteAsync(Due due, long version, DateTimeOffset? again, CancellationToken stop) => database.WriteAsync(
        async turn =>
        {
            var row = turn.Db.ChecksDue.Where(c => c.Run == due.Run);
            // As it is now, not as it was when this round began: a run may have ended meanwhile, and nobody would look at its row again.
            if (again is null && await turn.Db.Runs.AnyAsync(r => r.Id == due.Run && r.Version == version && r.Stage == RunStage.Ended))
            {
                await row.ExecuteDeleteAsync();
                return;
            }

            var at = again ?? DateTimeOffset.UnixEpoch;
            await row.ExecuteUpdateAsync(set => set.SetProperty(c => c.Version, version).SetProperty(c => c.DueAt, at));
        },
        stop);

    private static DateTimeOffset? Earlier(DateTimeOffset? one, DateTimeOffset? other) => one is null || other < one ? other ?? one : one;

    private sealed record Due(Guid Run, Guid Repository, long Version);

    [LoggerMessage(3306, LogLevel.Error, "the checks of run {Run} could not be reported; it is tried again")]
    private static partial void LogBroken(ILogger logger, Guid run, Exception exception);

    [LoggerMessage(3302, LogLevel.Warning, "check {Check} is not reported any more: {Why}")]
    private static partial void LogGaveUp(ILogger logger, string check, string why);
}
