using BuildRunner.Core.AgentContract;

namespace BuildRunner.Agent.Work;

/// <summary>Everything that the agent has at the moment: what it renews, and how many slots are free.</summary>
internal sealed class Holdings(int slots)
{
    private readonly Lock gate = new();
    private readonly Dictionary<WorkId, WorkInHand> held = [];
    private TaskCompletionSource changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Slots that nothing takes.</summary>
    public int FreeSlots
    {
        get
        {
            lock (gate)
            {
                return Math.Max(0, slots - held.Values.Count(w => !w.Weightless));
            }
        }
    }

    public IReadOnlyList<WorkInHand> All
    {
        get
        {
            lock (gate)
            {
                return [.. held.Values];
            }
        }
    }

    public bool IsEmpty
    {
        get
        {
            lock (gate)
            {
                return held.Count == 0;
            }
        }
    }

    /// <summary>Completes when something has come or gone; to be asked for before looking.</summary>
    public Task ChangedAsync()
    {
        lock (gate)
        {
            return changed.Task;
        }
    }

    public WorkInHand? Find(WorkId work)
    {
        lock (gate)
        {
            return held.GetValueOrDefault(work);
        }
    }

    /// <summary>Adds work.</summary>
    /// <returns>False: it is here already, under this fence or a later one.</returns>
    public bool TryAdd(WorkInHand work)
    {
        lock (gate)
        {
            if (held.TryGetValue(work.Id, out var known) && known.Fence >= work.Fence)
            {
                return false;
            }

            held[work.Id] = work;
            Signal();
            return true;
        }
    }

    /// <summary>Removes work that has ended.</summary>
    public void Remove(WorkInHand work)
    {
        lock (gate)
        {
            if (held.GetValueOrDefault(work.Id) == work)
            {
                held.Remove(work.Id);
                Signal();
            }
        }

        work.Dispose();
    }

    private void Signal()
    {
        changed.TrySetResult();
        changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
