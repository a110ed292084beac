using System.Threading.Channels;
using BuildRunner.Server.Bus;
using BuildRunner.Server.Storage;

namespace BuildRunner.Server.Dispatch;

/// <summary>Rings after commits: first here, and where nobody here listens, at the other servers. A bell that is lost is found by the sweeper.</summary>
internal sealed class BellPump
{
    private readonly Doorbells bells;
    private readonly RunFollowers followers;
    private readonly ServerBus bus;

    // Beyond this many the oldest are dropped: whoever claims next finds the work all the same.
    private readonly Channel<Bell> pending = Channel.CreateBounded<Bell>(new BoundedChannelOptions(20_000) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    /// <summary>Hears from here on what is committed, whenever it begins to ring.</summary>
    public BellPump(Database database, Doorbells bells, RunFollowers followers, ServerBus bus)
    {
        this.bells = bells;
        this.followers = followers;
        this.bus = bus;
        database.Committed += Take;
    }

    /// <summary>Rings until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        await foreach (var bell in pending.Reader.ReadAllAsync(stopping))
        {
            await RingAsync(bell, stopping);
        }
    }

    private void Take(IReadOnlyList<Bell> rung)
    {
        foreach (var bell in rung)
        {
            pending.Writer.TryWrite(bell);
        }
    }

    private async ValueTask RingAsync(Bell bell, CancellationToken stopping)
    {
        switch (bell)
        {
            case Bell.Due(_, _, { } agent, _):
                await RingAsync(agent, stopping);
                break;
            case Bell.Due(var run, var work, null, var set):
                if (!bells.RingFor(set))
                {
                    await bus.QueuedAsync(run, work, stopping);
                }

                break;
            case Bell.Stop(var agent):
                await RingAsync(agent, stopping);
                break;
            case Bell.Changed(var run, var version):
                followers.Changed(run);
                await bus.ChangedAsync(run, version, stopping);
                break;
        }
    }

    private async ValueTask RingAsync(Guid agent, CancellationToken stopping)
    {
        if (!bells.Ring(agent))
        {
            await bus.WantAsync(agent, stopping);
        }
    }
}
