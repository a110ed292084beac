namespace BuildRunner.Agent.Tests.Work;

/// <summary>Those who wait until something is so. Whoever changes it has them look.</summary>
internal sealed class Watchers
{
    // Reached only when something is broken, however much the machine has to do.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);

    private readonly Lock gate = new();
    private readonly List<(Func<bool> Seen, TaskCompletionSource Done)> waiting = [];

    /// <summary>Has all who wait look whether it is so now.</summary>
    public void Look()
    {
        lock (gate)
        {
            foreach (var (_, done) in waiting.Where(w => w.Seen()).ToList())
            {
                done.TrySetResult();
            }
        }
    }

    /// <summary>Waits until it is so.</summary>
    /// <param name="seen">Whether it is.</param>
    /// <param name="problem">What to say when it never was.</param>
    public async Task SeesAsync(Func<bool> seen, Func<string> problem)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (gate)
        {
            if (seen())
            {
                return;
            }

            waiting.Add((seen, done));
        }

        try
        {
            await done.Task.WaitAsync(Limit, TestContext.Current.CancellationToken);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException(problem());
        }
    }
}
