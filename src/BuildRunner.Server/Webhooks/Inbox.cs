using System.Linq.Expressions;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Webhooks;

/// <summary>Deliveries as they came. What is in here is kept (promise G1): it is carried out, however often the server dies meanwhile, and listed with what became of it.</summary>
internal sealed class Inbox(Database database) : IDisposable
{
    private const int MaxTries = 12;

    // Longer than anything that is done with a delivery. Whoever took one and died leaves it to the next who does this job, at the latest after this.
    private static readonly TimeSpan TakenFor = TimeSpan.FromMinutes(5);
    private readonly SemaphoreSlim rung = new(0, 1);
    private readonly RisingIds ids = new();

    /// <summary>Stores a delivery whose sender was verified. When this returns, it is kept.</summary>
    /// <returns>False: the same delivery is here already.</returns>
    public async Task<bool> PutAsync(string source, string delivery, string name, byte[] body, CancellationToken cancellationToken)
    {
        var stored = await database.WriteAsync(
            async turn =>
            {
                if (await turn.Db.Inbox.AnyAsync(i => i.Source == source && i.Delivery == delivery))
                {
                    return false;
                }

                turn.Db.Add(new InboxRow
                {
                    Id = ids.Next(turn.Now),
                    Source = source,
                    Delivery = delivery,
                    Event = name,
                    Body = body,
                    At = turn.Now,
                    State = InboxState.Due,
                    DueAt = turn.Now,
                });
                return true;
            },
            cancellationToken);
        Ring();
        return stored;
    }

    /// <summary>Lets go of the bell.</summary>
    public void Dispose() => rung.Dispose();

    /// <summary>Waits until something may be due, at most so long.</summary>
    public Task WaitAsync(TimeSpan atMost, CancellationToken cancellationToken) => rung.WaitAsync(atMost, cancellationToken);

    /// <summary>Takes what is due, oldest first; nobody else gets it for a while.</summary>
    public Task<List<InboxRow>> TakeAsync(int most, CancellationToken cancellationToken) => database.WriteAsync(
        async turn =>
        {
            var due = await turn.Db.Inbox.Where(i => i.State == InboxState.Due && i.DueAt <= turn.Now).OrderBy(i => i.Id).Take(most).ToListAsync();
            var taken = new List<InboxRow>();
            var until = turn.Now + TakenFor;
            foreach (var row in due)
            {
                var won = await turn.Db.Inbox
                    .Where(i => i.Id == row.Id && i.State == InboxState.Due && i.DueAt == row.DueAt)
                    .ExecuteUpdateAsync(set => set.SetProperty(i => i.DueAt, until).SetProperty(i => i.Tries, i => i.Tries + 1).SetProperty(i => i.Verdict, ""));
                if (won == 1)
                {
                    row.Tries++;
                    taken.Add(row);
                }
            }

            return taken;
        },
        cancellationToken);

    /// <summary>Makes due at once what somebody took who is gone. Who is not gone after all does no harm: what an event starts is known by the event.</summary>
    /// <remarks>A delivery that waits has a verdict that says why; one that is being carried out has none.</remarks>
    public Task<int> TakeUpAsync(CancellationToken cancellationToken) => database.WriteAsync(
        turn => turn.Db.Inbox
            .Where(i => i.State == InboxState.Due && i.DueAt > turn.Now && i.Verdict == "")
            .ExecuteUpdateAsync(set => set.SetProperty(i => i.DueAt, turn.Now)),
        cancellationToken);

    /// <summary>Notes what became of a delivery.</summary>
    public Task EndAsync(InboxRow row, DeliveryEnd end, CancellationToken cancellationToken) => database.WriteAsync(
        turn =>
        {
            var (state, due) = end switch
            {
                DeliveryEnd.Done => (InboxState.Done, turn.Now),
                DeliveryEnd.Later(_, var at) when row.Tries < MaxTries => (InboxState.Due, at ?? turn.Now + Pause(row.Tries)),
                _ => (InboxState.Failed, turn.Now),
            };
            var (run, repository) = end is DeliveryEnd.Done done ? (done.Run, done.Repository) : (row.Run, row.Repository);
            return turn.Db.Inbox.Where(i => i.Id == row.Id).ExecuteUpdateAsync(set => set
                .SetProperty(i => i.State, state)
                .SetProperty(i => i.DueAt, due)
                .SetProperty(i => i.Verdict, end.Verdict)
                .SetProperty(i => i.Run, run)
                .SetProperty(i => i.Repository, repository));
        },
        cancellationToken);

    /// <summary>Has a delivery carried out again. What it started once does not start again: that is known by the event, not by the delivery.</summary>
    /// <returns>False: there is none of that id.</returns>
    public async Task<bool> ReplayAsync(Guid id, string who, CancellationToken cancellationToken)
    {
        var there = await database.WriteAsync(
            async turn =>
            {
                var changed = await turn.Db.Inbox.Where(i => i.Id == id).ExecuteUpdateAsync(set => set
                    .SetProperty(i => i.State, InboxState.Due)
                    .SetProperty(i => i.DueAt, turn.Now)
                    .SetProperty(i => i.Tries, 0)
                    .SetProperty(i => i.Verdict, ""));
                if (changed == 1)
                {
                    turn.Audit(who, "delivery.replayed", id.ToString("N"), "");
                }

                return changed == 1;
            },
            cancellationToken);
        Ring();
        return there;
    }

    /// <summary>The latest deliveries, without their bodies.</summary>
    public Task<List<InboxRow>> ListAsync(string? source, int most, CancellationToken cancellationToken) => LatestAsync(i => source == null || i.Source == source, most, cancellationToken);

    /// <summary>The latest deliveries about a repository, without their bodies.</summary>
    public Task<List<InboxRow>> OfRepositoryAsync(Guid repository, int most, CancellationToken cancellationToken) => LatestAsync(i => i.Repository == repository, most, cancellationToken);

    private Task<List<InboxRow>> LatestAsync(Expression<Func<InboxRow, bool>> which, int most, CancellationToken cancellationToken) => database.ReadAsync(
        db => db.Inbox
            .Where(which)
            .OrderByDescending(i => i.Id)
            .Take(most)
            .Select(i => new InboxRow
            {
                Id = i.Id,
                Source = i.Source,
                Delivery = i.Delivery,
                Event = i.Event,
                Body = Array.Empty<byte>(),
                At = i.At,
                State = i.State,
                DueAt = i.DueAt,
                Tries = i.Tries,
                Verdict = i.Verdict,
                Run = i.Run,
                Repository = i.Repository,
            })
            .ToListAsync(cancellationToken),
        cancellationToken);

    /// <summary>Removes what was carried out before a moment.</summary>
    public Task<int> ForgetAsync(DateTimeOffset before, CancellationToken cancellationToken) =>
        database.WriteAsync(turn => turn.Db.Inbox.Where(i => i.State != InboxState.Due && i.At < before).ExecuteDeleteAsync(), cancellationToken);

    private static TimeSpan Pause(int tries) => TimeSpan.FromSeconds(Math.Min(5 * Math.Pow(2, Math.Min(tries, 9)), 900));

    private void Ring()
    {
        try
        {
            rung.Release();
        }
        catch (SemaphoreFullException)
        {
            // It rings already.
        }
    }
}

/// <summary>What became of a delivery. A closed hierarchy.</summary>
internal abstract record DeliveryEnd(string Verdict)
{
    /// <summary>It was carried out.</summary>
    /// <param name="Verdict">What was done, as a sentence.</param>
    /// <param name="Run">The run; null: none.</param>
    /// <param name="Repository">The repository; null: none that is known here.</param>
    public sealed record Done(string Verdict, Guid? Run = null, Guid? Repository = null) : DeliveryEnd(Verdict);

    /// <summary>Not now.</summary>
    /// <param name="Verdict">Why, as a sentence.</param>
    /// <param name="At">When again; null: after a pause that grows.</param>
    public sealed record Later(string Verdict, DateTimeOffset? At = null) : DeliveryEnd(Verdict);

    /// <summary>It cannot be carried out as things are.</summary>
    public sealed record Failed(string Verdict) : DeliveryEnd(Verdict);
}
