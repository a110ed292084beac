using BuildRunner.Core.Messages;
using MassTransit;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Bus;

/// <summary>Says to the other servers what they would otherwise find out by looking. It never fails: a message that cannot be sent is one that got lost.</summary>
internal sealed partial class ServerBus(IBus bus, BusNames names, TimeProvider time, ILogger<ServerBus> logger)
{
    // A broker that is away makes a send wait. While it is, one message in a while finds out whether it is back; the others are lost at once instead of waiting in a row.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2), Between = TimeSpan.FromSeconds(1), PatienceWhileAway = TimeSpan.FromMilliseconds(250);
    private int away;
    private long triedAt;

    /// <summary>Work is due that no agent at this server waits for.</summary>
    public ValueTask QueuedAsync(Guid run, Guid work, CancellationToken stopping) => TryAsync(
        async token => await (await bus.GetSendEndpoint(names.StepsAddress)).Send(new StepQueued(run, work), token),
        stopping);

    /// <summary>An agent has something to do or to stop, and does not wait at this server.</summary>
    public ValueTask WantAsync(Guid agent, CancellationToken stopping) => TryAsync(token => bus.Publish(new AgentWanted(agent), token), stopping);

    /// <summary>A run has changed.</summary>
    public ValueTask ChangedAsync(Guid run, long version, CancellationToken stopping) =>
        TryAsync(token => bus.Publish(new RunChanged(run, version), token), stopping);

    private async ValueTask TryAsync(Func<CancellationToken, Task> send, CancellationToken stopping)
    {
        if (Volatile.Read(ref away) > 0 && time.GetElapsedTime(Volatile.Read(ref triedAt)) < Between)
        {
            return;
        }

        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        patience.CancelAfter(Volatile.Read(ref away) > 0 ? PatienceWhileAway : Patience);
        try
        {
            await send(patience.Token);
            if (Interlocked.Exchange(ref away, 0) > 0)
            {
                LogBack(logger);
            }
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            // Everything goes on without the bus, by looking; so this is told once, and then again when it is back.
            Volatile.Write(ref triedAt, time.GetTimestamp());
            if (Interlocked.Exchange(ref away, 1) == 0)
            {
                LogAway(logger, e.Message);
            }
        }
    }

    [LoggerMessage(3001, LogLevel.Warning, "the bus does not take messages; servers and agents go on by looking for themselves: {Reason}")]
    private static partial void LogAway(ILogger logger, string reason);

    [LoggerMessage(3002, LogLevel.Information, "the bus takes messages again")]
    private static partial void LogBack(ILogger logger);
}
