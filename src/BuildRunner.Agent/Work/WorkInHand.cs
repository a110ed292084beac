using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Work;

/// <summary>A piece of work that the agent has, until the server has its result or has given it away.</summary>
internal sealed class WorkInHand(WorkId id, long fence, bool weightless) : IDisposable
{
    private readonly Signal stop = new();
    private readonly Signal kill = new();
    private readonly Signal gone = new();

    public WorkInHand(WorkItem item)
        : this(item.Id, item.Fence, item.Task is WorkTask.Release or WorkTask.Step { Plan.Detached: true }) => Item = item;

    public WorkId Id => id;

    public long Fence => fence;

    /// <summary>True: it takes no slot.</summary>
    public bool Weightless => weightless;

    /// <summary>The work; null: it is an earlier process's, and only its end is to be told.</summary>
    public WorkItem? Item { get; }

    /// <summary>The server's order to stop it; null: none came.</summary>
    public StopReason? Ordered { get; private set; }

    /// <summary>Ends it in good order: TERM, and KILL after the grace.</summary>
    public CancellationToken Stop => stop.Token;

    /// <summary>Ends it at once: nobody may rely on this agent any more.</summary>
    public CancellationToken Kill => kill.Token;

    /// <summary>It is not the agent's any more: nothing of it is to be told but its log.</summary>
    public CancellationToken Gone => gone.Token;

    /// <summary>True: its result is on the way. Whether the server takes it, its answer tells, and no heartbeat: what has a result is not renewed any more.</summary>
    public bool IsTelling { get; set; }

    /// <summary>The server wants it to end.</summary>
    public void StopBy(StopReason reason)
    {
        Ordered ??= reason;
        stop.Give();
    }

    /// <summary>It has to end at once.</summary>
    public void KillNow() => kill.Give();

    /// <summary>The server has given it away.</summary>
    public void GiveUp()
    {
        gone.Give();
        kill.Give();
    }

    public void Dispose()
    {
        stop.Dispose();
        kill.Dispose();
        gone.Dispose();
    }

    /// <summary>Given once. Who still looks at work that has ended just now, a heartbeat for instance, may ask and give as before.</summary>
    private sealed class Signal : IDisposable
    {
        private readonly CancellationTokenSource source = new();

        public Signal() => Token = source.Token;

        public CancellationToken Token { get; }

        public void Give()
        {
            try
            {
                source.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // It has ended meanwhile.
            }
        }

        public void Dispose() => source.Dispose();
    }
}
