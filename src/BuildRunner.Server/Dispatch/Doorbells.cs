namespace BuildRunner.Server.Dispatch;

/// <summary>The claims that wait at this server, and who of them is woken for what.</summary>
internal sealed class Doorbells
{
    private readonly Lock gate = new();
    private readonly LinkedList<Waiter> waiting = [];

    /// <summary>True: this server ends, and no claim waits any more.</summary>
    public bool Closed { get; private set; }

    /// <summary>True: at least one claim waits here.</summary>
    public bool AnyWaits
    {
        get
        {
            lock (gate)
            {
                return waiting.Count > 0;
            }
        }
    }

    /// <summary>Begins to listen; before looking for work, so that nothing that comes in between is missed.</summary>
    /// <param name="agent">Who.</param>
    /// <param name="takes">What it may take besides its own; null: nothing, because it has no slot free.</param>
    /// <param name="session">The agent's process; null: it does not say.</param>
    /// <param name="number">Of the process's claims the latest is the one that it listens to: those before it end, and do not take the bell from it.</param>
    public Waiter Listen(Guid agent, Func<int, bool>? takes, Guid? session = null, long number = 0)
    {
        var waiter = new Waiter(this, agent, takes, session, number);
        lock (gate)
        {
            foreach (var earlier in waiting.Where(w => w.IsBefore(waiter)).ToList())
            {
                earlier.GivenUp = true;
                Wake(earlier);
            }

            waiter.GivenUp = waiting.Any(waiter.IsBefore);
            if (!waiter.GivenUp)
            {
                waiting.AddLast(waiter);
            }
        }

        return waiter;
    }

    /// <summary>Wakes every claim of an agent.</summary>
    /// <returns>False if it has none here.</returns>
    public bool Ring(Guid agent)
    {
        lock (gate)
        {
            var found = waiting.Where(w => w.Agent == agent).ToList();
            found.ForEach(Wake);
            return found.Count > 0;
        }
    }

    /// <summary>Wakes the claim that has waited longest of those that may take work with these labels.</summary>
    /// <returns>False if there is none here.</returns>
    public bool RingFor(int labelSet)
    {
        lock (gate)
        {
            if (waiting.FirstOrDefault(w => w.Takes?.Invoke(labelSet) == true) is not { } first)
            {
                return false;
            }

            Wake(first);
            return true;
        }
    }

    /// <summary>Wakes all, so that they look for themselves.</summary>
    public void RingAll()
    {
        lock (gate)
        {
            waiting.ToList().ForEach(Wake);
        }
    }

    /// <summary>This server ends: claims that wait are answered, so that nobody waits for them.</summary>
    public void Close()
    {
        Closed = true;
        RingAll();
    }

    private void Wake(Waiter waiter)
    {
        waiting.Remove(waiter);
        waiter.Woken.TrySetResult();
    }

    private void Forget(Waiter waiter)
    {
        lock (gate)
        {
            waiting.Remove(waiter);
        }
    }

    /// <summary>One claim that waits.</summary>
    internal sealed class Waiter(Doorbells bells, Guid agent, Func<int, bool>? takes, Guid? session, long number) : IDisposable
    {
        public Guid Agent => agent;

        /// <summary>True: its agent has sent a later one, and does not listen to this one any more.</summary>
        public bool GivenUp { get; set; }

        public Func<int, bool>? Takes => takes;

        private Guid? Session => session;

        private long Number => number;

        public TaskCompletionSource Woken { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Whether its agent has given it up for another one.</summary>
        public bool IsBefore(Waiter other) => session is not null && other.Agent == agent && other.Session == session && number < other.Number;

        /// <summary>Waits.</summary>
        /// <returns>False if the time was up, or it was given up.</returns>
        public async Task<bool> WaitAsync(TimeSpan longest, TimeProvider time, CancellationToken cancellationToken)
        {
            if (longest <= TimeSpan.Zero)
            {
                return Woken.Task.IsCompleted;
            }

            try
            {
                await Woken.Task.WaitAsync(longest, time, cancellationToken);
                return !GivenUp;
            }
            catch (TimeoutException)
            {
                // Nothing came: an ordinary end of waiting.
                return false;
            }
        }

        /// <summary>Stops listening.</summary>
        public void Dispose() => bells.Forget(this);
    }
}
