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
    private readonly Channel<Bell> outgoing = Channel.CreateBounded<Bell>(new BoundedChannelOptions(20_000) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    /// <summary>Hears from here on what is committed, whenever it begins to send.</summary>
    public BellPump(Database database, Doorbells bells, RunFollowers followers, ServerBus bus)
    {
        this.bells = bells;
        this.followers = followers;
        this.bus = bus;
        database.Committed += Take;
    }

    /// <summary>Sends to the other servers until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        await foreach (var bell in outgoing.Reader.ReadAllAsync(stopping))
        {
            await SendAsync(bell, stopping);
        }
    }

    // Whoever listens here does not wait for the bus: it may be slow, or away.
    private void Take(IReadOnlyList<Bell> rung)
    {
        foreach (var bell in rung)
        {
            if (!RingHere(bell))
            {
                outgoing.Writer.TryWrite(bell);
            }
        }
    }

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
