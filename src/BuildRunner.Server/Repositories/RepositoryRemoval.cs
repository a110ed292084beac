using System.Globalization;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Logs;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Webhooks;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Repositories;

/// <summary>Removes a repository with everything that is of it: runs, logs, secrets, schedules, hooks, its copy on the disk.</summary>
internal sealed class RepositoryRemoval(Database database, LogFiles logs, SourceReader sources)
{
    /// <summary>Removes it.</summary>
    /// <returns>Null if it was removed; otherwise why not.</returns>
    public async Task<string?> RemoveAsync(Guid id, string who, CancellationToken cancellationToken)
    {
        var (runs, refusal) = await database.WriteAsync(turn => RemoveAsync(turn, id, who), cancellationToken);
        if (refusal is null)
        {
            // Files last: what is left of them when this process dies here is found by housekeeping.
            runs.ForEach(logs.Delete);
            sources.Forget(id);
        }

        return refusal;
    }

    private static async Task<(List<Guid> Runs, string? Refusal)> RemoveAsync(WriteTurn turn, Guid id, string who)
    {
        var db = turn.Db;
        if (await db.Runs.AnyAsync(r => r.Repository == id && r.Stage != RunStage.Ended))
        {
            return ([], "a run of it goes on; cancel it first");
        }

        var name = await db.Repositories.Where(r => r.Id == id).Select(r => r.Name).SingleOrDefaultAsync();
        var own = id.ToString("N", CultureInfo.InvariantCulture);
        var runs = db.Runs.Where(r => r.Repository == id).Select(r => r.Id);
        var removed = await runs.ToListAsync();
        await db.LogStreams.Where(s => runs.Contains(s.Run)).ExecuteDeleteAsync();
        await db.Approvals.Where(a => runs.Contains(a.Run)).ExecuteDeleteAsync();
        await db.RunImages.Where(i => runs.Contains(i.Run)).ExecuteDeleteAsync();
        await db.RunPlans.Where(p => runs.Contains(p.Run)).ExecuteDeleteAsync();
        await db.Set<CheckRow>().Where(c => runs.Contains(c.Run)).ExecuteDeleteAsync();
        await db.Set<CheckDueRow>().Where(c => runs.Contains(c.Run)).ExecuteDeleteAsync();
        await db.Deliveries.Where(d => d.Run != null && runs.Contains(d.Run.Value)).ExecuteDeleteAsync();
        await db.Work.Where(w => w.Repository == id).ExecuteDeleteAsync();
        await db.Runs.Where(r => r.Repository == id).ExecuteDeleteAsync();
        await db.Secrets.Where(s => s.Level == 2 && s.Owner == own).ExecuteDeleteAsync();
        await db.Set<RegistryRow>().Where(r => r.Level == 2 && r.Owner == own).ExecuteDeleteAsync();
        var schedules = db.Set<ScheduleRow>().Where(s => s.Repository == id).Select(s => s.Id);
        await db.Set<ScheduleFireRow>().Where(f => schedules.Contains(f.Schedule)).ExecuteDeleteAsync();
        await db.Set<ScheduleRow>().Where(s => s.Repository == id).ExecuteDeleteAsync();
        await RefusedDeliveries.ForgetAsync(turn, await db.Set<HookRow>().Where(h => h.Repository == id).Select(h => h.Name).ToListAsync());
        await db.Set<HookRow>().Where(h => h.Repository == id).ExecuteDeleteAsync();
        await db.Set<ForgeRepositoryRow>().Where(f => f.Repository == id).ExecuteDeleteAsync();
        await db.Repositories.Where(r => r.Id == id).ExecuteDeleteAsync();
        turn.Audit(who, "repository.removed", name ?? own, Counts.Of(removed.Count, "run"));
        return (removed, null);
    }
}
