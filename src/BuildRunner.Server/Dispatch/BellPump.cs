using System.Collections.Concurrent;
using System.Threading.Channels;
using BuildRunner.Server.Bus;
using BuildRunner.Server.Storage;

namespace BuildRunner.Server.Dispatch;

/// <summary>Rings after commits: here at once, and where nobody here listens, at the other servers as soon as the bus takes it. A bell that is lost is found by the sweeper.</summary>
internal sealed class BellPump
{
    private readonly Doorbells bells;
    private readonly RunFollowers followers;
    private readonly ServerBus bus;

    // For the other servers. Beyond this many the oldest are dropped: whoever claims next finds the work all the same.
    private const int Most = 20_000;

    // So many claims at other servers can be woken at once for work with the same labels; each looks again by himself when he has taken some.
    private const int MostOfOneSet = 64;
    private readonly Channel<Bell> outgoing;
    private readonly ConcurrentDictionary<object, int> unsent = new();

    /// <summary>Hears from here on what is committed, whenever it begins to send.</summary>
    public BellPump(Database database, Doorbells bells, RunFollowers followers, ServerBus bus)
    {
        this.bells = bells;
        this.followers = followers;
        this.bus = bus;
        outgoing = Channel.CreateBounded<Bell>(new BoundedChannelOptions(Most) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true }, Leaves);
        database.Committed += Take;
    }

    /// <summary>Sends to the other servers until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        await foreach (var bell in outgoing.Reader.ReadAllAsync(stopping))
        {
            Leaves(bell);
            await SendAsync(bell, stopping);
        }
    }

    // Whoever listens here does not wait for the bus: it may be slow, or away.
    private void Take(IReadOnlyList<Bell> rung)
    {
        foreach (var bell in rung)
        {
            if (!RingHere(bell) && IsNews(bell))
            {
                outgoing.Writer.TryWrite(bell);
            }
        }
    }

    // What says the same as something that is not sent yet is not sent besides: whoever hears that looks after both.
    private bool IsNews(Bell bell)
    {
        var (who, most) = Addressee(bell);
        if (unsent.AddOrUpdate(who, 1, (_, count) => count + 1) <= most)
        {
            return true;
        }

        Leaves(bell);
        return false;
    }

    private void Leaves(Bell bell)
    {
        var (who, _) = Addressee(bell);
        if (unsent.AddOrUpdate(who, 0, (_, count) => count - 1) == 0)
        {
            unsent.TryRemove(KeyValuePair.Create(who, 0));
        }
    }

    private static (object Who, int Most) Addressee(Bell bell) => bell switch
    {
        Bell.Due(_, _, { } agent, _) => (agent, 1),
        Bell.Due(_, _, null, var set) => (set, MostOfOneSet),
        Bell.Stop(var agent) => (agent, 1),
        Bell.Changed(var run, _) => (run, 1),
        _ => (bell, 1),
    };

    /// <returns>False if others have to be told.</returns>
    private bool RingHere(Bell bell)
    {
        switch (bell)
        {
            case Bell.Due(_, _, { } agent, _):
                return bells.Ring(agent);
            case Bell.Due(_, _, null, var set):
                return bells.RingFor(set);
            case Bell.Stop(var agent):
                return bells.Ring(agent);
            case Bell.Changed(var run, _):
                followers.Changed(run);
                return false;
            default:
                return true;
        }
    }

    private ValueTask SendAsync(Bell bell, CancellationToken stopping) => bell switch
    {
        Bell.Due(_, _, { } agent, _) => bus.WantAsync(agent, stopping),
        Bell.Due(var run, var work, null, _) => bus.QueuedAsync(run, work, stopping),
        Bell.Stop(var agent) => bus.WantAsync(agent, stopping),
        Bell.Changed(var run, var version) => bus.ChangedAsync(run, version, stopping),
        _ => ValueTask.CompletedTask,
    };
}
