using System.Linq.Expressions;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>Looks for what nobody reports: leases that have ended, agents that are gone, limits that have passed, work whose doorbell nobody heard.</summary>
/// <remarks>Several at once do no harm, each write checks what it was based on; a lease keeps it to one server all the same.</remarks>
internal sealed class Sweeper(Database database, RunWriter writer, GiveBacks giveBacks, DispatchOptions options)
{
    private const int AtOnce = 200;

    /// <summary>Looks once at everything.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        await ExpireAsync(cancellationToken);
        await LoseWorkflowsAsync(cancellationToken);
        await PassTimeAsync(cancellationToken);
        await RingAgainAsync(cancellationToken);
    }

    private async Task ExpireAsync(CancellationToken cancellationToken)
    {
        var late = options.Times.GiveAwayAfter - options.Times.Lease;
        var expired = await database.ReadAsync(
            async db =>
            {
                var limit = await database.NowAsync(db) - late;
                return await db.OpenWork
                    .Where(w => (w.State == WorkState.Claimed || w.State == WorkState.Started) && w.LeaseUntil < limit)
                    .OrderBy(w => w.LeaseUntil)
                    .Take(AtOnce)
                    .ToListAsync(cancellationToken);
            },
            cancellationToken);
        foreach (var seen in expired)
        {
            await database.WriteAsync(turn => ExpireAsync(turn, seen, turn.Now - late), cancellationToken);
        }
    }

    private async Task ExpireAsync(WriteTurn turn, WorkRow seen, DateTimeOffset limit)
    {
        await turn.HoldAsync(seen.Run);

        // From here on a heartbeat comes too late.
        var ended = await turn.Db.Work
            .Where(w => w.Id == seen.Id && w.Fence == seen.Fence && (w.State == WorkState.Claimed || w.State == WorkState.Started) && w.LeaseUntil < limit)
            .ExecuteUpdateAsync(set => set.SetProperty(w => w.LeaseUntil, (DateTimeOffset?)null));
        if (ended == 0)
        {
            return;
        }

        var row = await turn.Db.Work.SingleAsync(w => w.Id == seen.Id);
        var agent = await turn.Db.Agents.Where(a => a.Id == row.Agent).Select(a => a.Name).SingleOrDefaultAsync() ?? "that was removed";
        var silence = Durations.Text(options.Times.GiveAwayAfter);
        if (row.State == WorkState.Started)
        {
            await giveBacks.LoseAsync(turn, row, $"agent '{agent}' was not heard of for {silence} after it had announced the start");
        }
        else
        {
            await giveBacks.ReturnAsync(turn, row, $"agent '{agent}' was not heard of for {silence}");
        }
    }

    private async Task LoseWorkflowsAsync(CancellationToken cancellationToken)
    {
        var orphans = await database.ReadAsync(
            async db =>
            {
                var gone = await database.NowAsync(db) - options.AgentGoneAfter;
                return await db.OpenWork
                    .Where(w => w.State == WorkState.Hosted && !db.Agents.Any(a => a.Id == w.Agent && a.LastSeen > gone))
                    .Take(AtOnce)
                    .ToListAsync(cancellationToken);
            },
            cancellationToken);
        foreach (var orphan in orphans)
        {
            await database.WriteAsync(turn => LoseWorkflowAsync(turn, orphan), cancellationToken);
        }
    }

    private async Task LoseWorkflowAsync(WriteTurn turn, WorkRow orphan)
    {
        await turn.HoldAsync(orphan.Run);
        var gone = turn.Now - options.AgentGoneAfter;
        var agent = await turn.Db.Agents.SingleOrDefaultAsync(a => a.Id == orphan.Agent);
        if (agent?.LastSeen > gone || !await turn.Db.Work.AnyAsync(w => w.Id == orphan.Id && w.State == WorkState.Hosted))
        {
            return;
        }

        var why = $"agent '{agent?.Name ?? "that was removed"}' has not been heard of for {Durations.Text(options.AgentGoneAfter)}, and the workspace was on it";
        await giveBacks.WorkflowLostAsync(turn, orphan, why);

        // A workflow that was being released is released by this: nothing of it can be ended any more, and nobody waits for it.
        var releases = await turn.Db.Work.Where(w => w.Start == orphan.Id && w.Kind == WorkKind.Release && w.State != WorkState.Done).ToListAsync();
        if (releases.Count > 0)
        {
            await writer.ApplyAsync(turn, orphan.Run, new RunFact.WorkflowReleased(orphan.Workflow));
        }
    }

    private async Task PassTimeAsync(CancellationToken cancellationToken)
    {
        var due = await database.ReadAsync(
            async db =>
            {
                var now = await database.NowAsync(db);
                return await db.Runs.Where(r => r.Deadline <= now).Select(r => r.Id).Take(AtOnce).ToListAsync(cancellationToken);
            },
            cancellationToken);
        foreach (var run in due)
        {
            await database.WriteAsync(turn => writer.ApplyAsync(turn, run, new RunFact.TimePassed()), cancellationToken);
        }
    }

    // Who is woken takes what is first, whatever it was woken for, and looks again by himself. So what belongs to one agent is rung for once, and what any agent may
    // take as often as agents have a slot free, however much of it waits. Where every slot is taken there is nobody to wake: who gets one free looks by himself.
    private async Task RingAgainAsync(CancellationToken cancellationToken)
    {
        var due = await database.ReadAsync(
            async db =>
            {
                var now = await database.NowAsync(db);
                var again = now - options.RingAgainAfter;
                var unheard = db.OpenWork.Where(w => w.State == WorkState.Queued && w.NotBefore <= now && (w.RangAt < w.NotBefore || w.RangAt < again));
                var rows = await unheard.Where(w => w.Pin != null).OrderBy(w => w.RangAt).Take(AtOnce).Select(Ringing.Of).ToListAsync(cancellationToken);
                if (await db.LabelSets.Where(s => unheard.Any(w => w.Pin == null && w.LabelSet == s.Id)).Select(s => s.Id).ToListAsync(cancellationToken) is not { Count: > 0 } sets)
                {
                    return rows;
                }

                var listeners = Math.Min(await IdleAsync(db, now - options.AgentGoneAfter, cancellationToken), AtOnce);
                foreach (var set in listeners > 0 ? sets : [])
                {
                    rows.AddRange(await unheard.Where(w => w.Pin == null && w.LabelSet == set).OrderByDescending(w => w.Priority).Take(listeners).Select(Ringing.Of).ToListAsync(cancellationToken));
                }

                return rows;
            },
            cancellationToken);
        if (due.Count == 0)
        {
            return;
        }

        var ids = due.ConvertAll(w => w.Work);
        await database.WriteAsync(
            async turn =>
            {
                await turn.Db.OpenWork.Where(w => ids.Contains(w.Id) && w.State == WorkState.Queued).ExecuteUpdateAsync(set => set.SetProperty(w => w.RangAt, turn.Now));
                turn.Bells.AddRange(due.Where(w => w.Pin is null).Concat(due.Where(w => w.Pin is not null).DistinctBy(w => w.Pin)).Select(w => new Bell.Due(w.Run, w.Work, w.Pin, w.LabelSet)));
            },
            cancellationToken);
    }

    private static Task<int> IdleAsync(Db db, DateTimeOffset gone, CancellationToken cancellationToken) => db.Agents.CountAsync(
        a => a.LastSeen > gone && !a.Drain
            && a.Slots > db.OpenWork.Count(w => w.Agent == a.Id && (w.State == WorkState.Claimed || w.State == WorkState.Started) && !w.Weightless),
        cancellationToken);

    private sealed record Ringing(Guid Run, Guid Work, Guid? Pin, int LabelSet)
    {
        public static Expression<Func<WorkRow, Ringing>> Of { get; } = w => new Ringing(w.Run, w.Id, w.Pin, w.LabelSet);
    }
}
