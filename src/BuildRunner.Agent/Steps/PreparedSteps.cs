using BuildRunner.Containers.Engine;
using BuildRunner.Core.Planning;

namespace BuildRunner.Agent.Steps;

/// <summary>Containers made while the steps before them run. None has run user code, so one that is not needed costs nothing but the making.</summary>
internal sealed class PreparedSteps(AgentContext agent, IContainerGroup group, WorkflowJob job) : IAsyncDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Task<PreparedStep>> prepared = new(StringComparer.Ordinal);
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource end = new();
    private bool closed;

    /// <summary>Begins to prepare the first attempt of a step, once. A clone step is not: what it takes is known when it is due.</summary>
    public void Begin(StepPlan step)
    {
        lock (gate)
        {
            // An image is built of the workspace, which the step before may still change.
            if (!closed && step.Build is null && !(step.Kind == StepKind.Clone && job.Checkout is not null) && !prepared.ContainsKey(step.Name) && !taken.Contains(step.Name))
            {
                prepared.Add(step.Name, PreparedStep.MakeAsync(agent, group, job, StepAttempt.Ahead(step), null, null, end.Token));
            }
        }
    }

    /// <summary>Hands out what was prepared, or prepares it now. The caller disposes it.</summary>
    /// <param name="own">The job, as this step may see it.</param>
    /// <param name="attempt">The attempt.</param>
    /// <param name="checkout">The container of a clone step that names no image; null for every other.</param>
    /// <param name="buildOutput">Gets what a builder of the image prints.</param>
    /// <param name="stop">Gives up.</param>
    /// <exception cref="ContainerException">It could not be done, or is not allowed.</exception>
    public async Task<PreparedStep> TakeAsync(WorkflowJob own, StepAttempt attempt, CheckoutContainer? checkout, Action<string>? buildOutput, CancellationToken stop)
    {
        Task<PreparedStep>? ready = null;
        lock (gate)
        {
            // The same attempt may come again, when it was given back before it was started: then it is prepared anew.
            taken.Add(attempt.Step.Name);
            if (attempt.Number == 1)
            {
                prepared.Remove(attempt.Step.Name, out ready);
            }
        }

        if (ready is null)
        {
            return await PreparedStep.MakeAsync(agent, group, own, attempt, checkout, buildOutput, stop);
        }

        try
        {
            var step = await ready.WaitAsync(stop);
            if (attempt.PinnedDigest is not { } digest || step.Image.ManifestDigest is not { } found || found.ToString() == digest)
            {
                return step;
            }

            // Another workflow of the run was first to use this tag, and it means another image by now.
            await step.DisposeAsync();
            return await PreparedStep.MakeAsync(agent, group, own, attempt, checkout, buildOutput, stop);
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
