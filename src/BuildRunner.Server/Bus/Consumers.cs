using BuildRunner.Core.Messages;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using MassTransit;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Bus;

/// <summary>One server is told that work is due; if no agent waits here, it tells all.</summary>
internal sealed class StepQueuedConsumer(Database database, Doorbells bells, BusNames names) : IConsumer<StepQueued>
{
    public async Task Consume(ConsumeContext<StepQueued> context)
    {
        if (!await WorkBells.RingAsync(database, bells, context.Message.Work, context.CancellationToken) && !names.Alone)
        {
            await context.Publish(new StepWaiting(context.Message.Work), context.CancellationToken);
        }
    }
}

/// <summary>Every server is told that work is due.</summary>
internal sealed class StepWaitingConsumer(Database database, Doorbells bells) : IConsumer<StepWaiting>
{
    public Task Consume(ConsumeContext<StepWaiting> context) => WorkBells.RingAsync(database, bells, context.Message.Work, context.CancellationToken);
}

/// <summary>Every server is told that an agent is wanted.</summary>
internal sealed class AgentWantedConsumer(Doorbells bells) : IConsumer<AgentWanted>
{
    public Task Consume(ConsumeContext<AgentWanted> context)
    {
        bells.Ring(context.Message.Agent);
        return Task.CompletedTask;
    }
}

/// <summary>Every server is told that a run has changed.</summary>
internal sealed class RunChangedConsumer(RunFollowers followers) : IConsumer<RunChanged>
{
    public Task Consume(ConsumeContext<RunChanged> context)
    {
        followers.Changed(context.Message.Run);
        return Task.CompletedTask;
    }
}

/// <summary>Rings for work that a message names. What the work is, and that it still waits, is read from the store: anybody could have sent the message.</summary>
internal static class WorkBells
{
    /// <returns>False if nobody here can take it, and it waits as far as was looked: where nobody listens nothing is read.</returns>
    public static async Task<bool> RingAsync(Database database, Doorbells bells, Guid work, CancellationToken cancellationToken)
    {
        if (!bells.AnyWaits)
        {
            return false;
        }

        var row = await database.ReadAsync(
            db => db.Work.Where(w => w.Id == work && w.State == WorkState.Queued).Select(w => new { w.Pin, w.LabelSet }).SingleOrDefaultAsync(cancellationToken),
            cancellationToken);
        return row is null || (row.Pin is { } agent ? bells.Ring(agent) : bells.RingFor(row.LabelSet));
    }
}
