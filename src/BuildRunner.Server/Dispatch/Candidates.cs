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

    /// <summary>What an agent has, and what only it may take.</summary>
    /// <remarks>What takes no slot comes first, so that nothing that needs one keeps it back.</remarks>
    public static async Task<(List<WorkRow> Held, List<WorkRow> Pinned)> OfAgentAsync(WriteTurn turn, Guid agent)
    {
        var now = turn.Now;
        var held = turn.Db.OpenWork.Where(w => w.Agent == agent && (w.State == WorkState.Claimed || w.State == WorkState.Started));
        var pinned = turn.Db.OpenWork
            .Where(w => w.State == WorkState.Queued && w.Pin == agent && w.NotBefore <= now)
            .OrderByDescending(w => w.Weightless).ThenByDescending(w => w.Priority).ThenBy(w => w.QueuedAt)
            .Take(AtOnce);
        var rows = await held.Concat(pinned).ToListAsync();
        return (
            rows.FindAll(w => w.State != WorkState.Queued),
            [.. rows.Where(w => w.State == WorkState.Queued).OrderByDescending(w => w.Weightless).ThenByDescending(w => w.Priority).ThenBy(w => w.QueuedAt)]);
    }

    /// <summary>Work that any agent with these label sets may take: of each repository what is first in it, so that a look costs the same however long the queue is.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="labelSets">What the agent has.</param>
    /// <param name="strangers">Whether it may take what strangers have caused.</param>
    /// <param name="except">Runs that are left out.</param>
    public static async Task<List<OpenWork>> OpenAsync(WriteTurn turn, IReadOnlyList<int> labelSets, bool strangers, IReadOnlyList<Guid> except)
    {
        var db = turn.Db;
        if (labelSets.Count == 0)
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
        if (except.Count > 0)
        {
            fitting = fitting.Where(w => !except.Contains(w.Run));
        }

        return await (
            from repository in db.Repositories
            join work in db.Work
                on fitting.Where(w => w.Repository == repository.Id)
                    .OrderByDescending(w => w.Priority).ThenBy(w => w.RunServed).ThenBy(w => w.QueuedAt).ThenBy(w => w.Id)
                    .Select(w => (Guid?)w.Id).FirstOrDefault() equals work.Id
            orderby work.Priority descending, repository.LastServed, work.QueuedAt, work.Id
            select new OpenWork(work, db.Repositories.Max(r => r.LastServed) + 1)).Take(AtOnce).ToListAsync();
    }

    /// <summary>Notes that a workflow of a run was handed out. In the run it is noted with the fact.</summary>
    public static async Task ServedAsync(WriteTurn turn, OpenWork open)
    {
        var (work, next) = open;
        await turn.Db.Repositories.Where(r => r.Id == work.Repository).ExecuteUpdateAsync(set => set.SetProperty(r => r.LastServed, next));
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

/// <summary>Work that nobody has.</summary>
/// <param name="Row">The work.</param>
/// <param name="Serving">What <see cref="RepositoryRow.LastServed"/> becomes if it is handed out.</param>
internal sealed record OpenWork(WorkRow Row, long Serving);
