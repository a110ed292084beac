using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>In which order work is handed out.</summary>
/// <remarks>
/// <para>1. What is pinned to the agent: it finishes what it has begun. 2. Workflows that nobody has: by priority; then the repository that was served longest ago,
/// of its runs the one that was served longest ago, and of its workflows the one that has waited longest. So a repository with a thousand runs in the queue delays
/// another one's first run by one workflow.</para>
/// </remarks>
internal static class Candidates
{
    /// <summary>The setting that pauses the queue; its value says who wants it.</summary>
    public const string PausedKey = "queue.paused";

    // More than one, because others may be faster with the first.
    private const int AtOnce = 16;

    /// <summary>Work that only this agent may take.</summary>
    public static Task<List<WorkRow>> PinnedAsync(WriteTurn turn, Guid agent, bool hasSlot)
    {
        DateTimeOffset? now = turn.Now;
        return turn.Db.OpenWork
            .Where(w => w.State == WorkState.Queued && w.Pin == agent && w.NotBefore <= now && (hasSlot || w.Weightless))
            .OrderByDescending(w => w.Priority).ThenBy(w => w.QueuedAt)
            .Take(AtOnce)
            .ToListAsync();
    }

    /// <summary>Work that any agent with these label sets may take: of each repository what is first in it, so that a look costs the same however long the queue is.</summary>
    public static async Task<List<WorkRow>> OpenAsync(WriteTurn turn, IReadOnlyList<int> labelSets, bool strangers)
    {
        var db = turn.Db;
        if (labelSets.Count == 0 || await db.Settings.AnyAsync(s => s.Key == PausedKey))
        {
            return [];
        }

        var now = turn.Now;
        var fitting =
            from work in db.Work
            where work.State == WorkState.Queued && work.Pin == null && labelSets.Contains(work.LabelSet) && work.NotBefore <= now
            where strangers || !work.Stranger
            where work.Group == null || db.GroupHolds.Count(h => h.Group == work.Group) < work.GroupLimit
            select work;
        return await (
            from repository in db.Repositories
            join work in db.Work
                on fitting.Where(w => w.Repository == repository.Id)
                    .OrderByDescending(w => w.Priority).ThenBy(w => w.RunServed).ThenBy(w => w.QueuedAt).ThenBy(w => w.Id)
                    .Select(w => (Guid?)w.Id).FirstOrDefault() equals work.Id
            orderby work.Priority descending, repository.LastServed, work.QueuedAt, work.Id
            select work).Take(AtOnce).ToListAsync();
    }

    /// <summary>Notes that a workflow of a run was handed out.</summary>
    public static async Task ServedAsync(WriteTurn turn, WorkRow work)
    {
        var next = (await turn.Db.Repositories.MaxAsync(r => (long?)r.LastServed) ?? 0) + 1;
        await turn.Db.Repositories.Where(r => r.Id == work.Repository).ExecuteUpdateAsync(set => set.SetProperty(r => r.LastServed, next));
        await turn.Db.Runs.Where(r => r.Id == work.Run).ExecuteUpdateAsync(set => set.SetProperty(r => r.LastServed, next));
        await turn.Db.OpenWork
            .Where(w => w.Run == work.Run && w.State == WorkState.Queued && w.Kind == WorkKind.Start)
            .ExecuteUpdateAsync(set => set.SetProperty(w => w.RunServed, next));
    }

    /// <summary>Takes a place in the work's concurrency group.</summary>
    /// <returns>False if all are taken.</returns>
    public static async Task<bool> HoldPlaceAsync(WriteTurn turn, WorkRow work)
    {
        if (work.Kind != WorkKind.Start || work.Group is not { } group)
        {
            return true;
        }

        var taken = await turn.Db.GroupHolds.Where(h => h.Group == group).ToListAsync();
        if (taken.Exists(h => h.Start == work.Id))
        {
            return true;
        }

        var place = Enumerable.Range(0, work.GroupLimit).Cast<int?>().FirstOrDefault(p => !taken.Exists(h => h.Place == p));
        if (place is null)
        {
            return false;
        }

        turn.Db.Add(new GroupHoldRow { Group = group, Place = place.Value, Start = work.Id });
        await turn.Db.SaveChangesAsync();
        return true;
    }
}
