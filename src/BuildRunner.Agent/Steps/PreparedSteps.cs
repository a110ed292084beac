using BuildRunner.Containers.Engine;
using BuildRunner.Core.Planning;

namespace BuildRunner.Agent.Steps;

/// <summary>Containers made while the steps before them run. None has run user code, so one that is not needed costs nothing but the making.</summary>
internal sealed class PreparedSteps(AgentContext agent, IContainerGroup group, WorkflowJob job) : IAsyncDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Task<PreparedStep>> prepared = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource end = new();
    private bool closed;

    /// <summary>Begins to prepare the first attempt of a step, once.</summary>
    public void Begin(StepPlan step)
    {
        lock (gate)
        {
            if (!closed && !prepared.ContainsKey(step.Name))
            {
                prepared.Add(step.Name, PreparedStep.MakeAsync(agent, group, job, step, 1, end.Token));
            }
        }
    }

    /// <summary>Hands out what was prepared, or prepares it now. The caller disposes it.</summary>
    /// <exception cref="ContainerException">It could not be done, or is not allowed.</exception>
    public async Task<PreparedStep> TakeAsync(StepAttempt attempt, CancellationToken stop)
    {
        Task<PreparedStep>? ready = null;
        lock (gate)
        {
            if (attempt.Number == 1 && prepared.TryGetValue(attempt.Step.Name, out ready))
            {
                prepared[attempt.Step.Name] = Task.FromException<PreparedStep>(new InvalidOperationException("taken"));
            }
        }

        if (ready is null)
        {
            return await PreparedStep.MakeAsync(agent, group, job, attempt.Step, attempt.Number, stop);
        }

        try
        {
            return await ready.WaitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            await DiscardAsync(ready);
            throw;
        }
    }

    /// <summary>Throws away what nobody took.</summary>
    public async ValueTask DisposeAsync()
    {
        List<Task<PreparedStep>> left;
        lock (gate)
        {
            closed = true;
            left = [.. prepared.Values];
            prepared.Clear();
        }

        await end.CancelAsync();
        foreach (var task in left)
        {
            await DiscardAsync(task);
        }

        end.Dispose();
    }

    private static async Task DiscardAsync(Task<PreparedStep> preparation)
    {
        // A failure to prepare what is not needed concerns nobody.
        await preparation.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        if (preparation.IsCompletedSuccessfully)
        {
            await (await preparation).DisposeAsync();
        }
    }
}
