using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>The queue as people see it: what waits, in the order in which it will be handed out, and why. A look is shared by all who look within a moment.</summary>
internal sealed class QueueView(Database database, LabelSets sets, CellLabels cells, DispatchOptions options, TimeProvider time) : IDisposable
{
    /// <summary>How many of them people are shown, one by one.</summary>
    public const int MostShown = 500;

    private const int Most = 5_000;
    private static readonly TimeSpan Fresh = TimeSpan.FromMilliseconds(500);
    private readonly SemaphoreSlim gate = new(1, 1);
    private QueueLook? last;
    private long lookedAt;

    /// <summary>The queue now, or a moment ago.</summary>
    public async Task<QueueLook> LookAsync(CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            if (last is null || time.GetElapsedTime(lookedAt) > Fresh)
            {
                last = await database.ReadAsync(ReadAsync, cancellationToken);
                lookedAt = time.GetTimestamp();
            }

            return last;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>The next look is a new one: something was just done to the queue.</summary>
    public void Forget() => lookedAt = 0;

    /// <summary>Lets go of what guards it.</summary>
    public void Dispose() => gate.Dispose();

    private async Task<QueueLook> ReadAsync(Db db)
    {
        var now = await database.NowAsync(db);
        var waiting = await WaitingAsync(db);
        var held = await db.GroupHolds.GroupBy(h => h.Group).Select(g => new { g.Key, Count = g.Count() }).ToDictionaryAsync(g => g.Key, g => g.Count);
        var agents = (await db.Agents.ToListAsync()).ConvertAll(a => AgentFacts.Of(a, now, options));
        var paused = await db.Settings.Where(s => s.Key == Candidates.PausedKey).Select(s => s.Value).SingleOrDefaultAsync();
        var facts = new QueueFacts(now, paused, agents, held, options.EmbeddedAgentTakesStrangers);
        var ahead = new Dictionary<int, int>();
        var entries = new List<QueueEntry>(waiting.Count);
        foreach (var found in waiting)
        {
            var work = found with { Labels = await sets.OfAsync(db, found.LabelSet) };
            var before = ahead.GetValueOrDefault(work.LabelSet);
            var label = entries.Count < MostShown ? await cells.OfAsync(db, work.Run, work.Workflow) : work.Workflow;
            entries.Add(new QueueEntry(work, label, WaitingReasons.Of(work, before, facts)));
            if (work.Pin is null && work.NotBefore <= now)
            {
                ahead[work.LabelSet] = before + 1;
            }
        }

        var total = waiting.Count < Most ? waiting.Count : await db.OpenWork.CountAsync(w => w.State == WorkState.Queued && !w.Weightless);
        return new QueueLook(paused, entries, total);
    }

    // The order of Candidates.
    private static Task<List<WaitingWork>> WaitingAsync(Db db) => (
        from work in db.OpenWork
        where work.State == WorkState.Queued && !work.Weightless
        join repository in db.Repositories on work.Repository equals repository.Id
        join run in db.Runs on work.Run equals run.Id
        orderby work.Pin == null, work.Priority descending, repository.LastServed, work.RunServed, work.QueuedAt, work.Id
        select new WaitingWork
        {
            Id = work.Id,
            Run = work.Run,
            Repository = repository.Name,
            Number = run.Number,
            Workflow = work.Workflow,
            Kind = work.Kind,
            Step = work.Step,
            QueuedAt = work.QueuedAt,
            NotBefore = work.NotBefore,
            Pin = work.Pin,
            Stranger = work.Stranger,
            LabelSet = work.LabelSet,
            Group = work.Group,
            GroupLimit = work.GroupLimit,
        }).Take(Most).ToListAsync();
}

/// <summary>One look at the queue.</summary>
/// <param name="PausedBy">Who paused it; null: it is not paused.</param>
/// <param name="Entries">What waits, in order.</param>
/// <param name="Total">How many wait.</param>
internal sealed record QueueLook(string? PausedBy, IReadOnlyList<QueueEntry> Entries, int Total)
{
    /// <summary>Why a workflow of a run waits, or one of its steps; null: it does not.</summary>
    public string? Reason(Guid run, string workflow, string step) =>
        Entries.FirstOrDefault(e => e.Work.Run == run && e.Work.Workflow == workflow && e.Work.Step == step)?.Reason;
}

/// <summary>Something that waits.</summary>
/// <param name="Work">What.</param>
/// <param name="Label">How people read its workflow, of those that are shown to them.</param>
/// <param name="Reason">Why, as a clause.</param>
internal sealed record QueueEntry(WaitingWork Work, string Label, string Reason)
{
    /// <summary>As it is told.</summary>
    public QueueItem Item => new()
    {
        Repo = Work.Repository,
        Number = Work.Number,
        Workflow = Work.Workflow,
        Label = Label,
        Step = Work.Step.Length == 0 ? null : Work.Step,
        Since = Work.QueuedAt,
        Reason = Reason,
    };
}
