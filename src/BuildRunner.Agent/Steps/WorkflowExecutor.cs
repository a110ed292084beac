using System.Collections.Concurrent;
using System.Collections.Immutable;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Agent.Steps;

/// <summary>Carries out the effects of one workflow on this host: its group and services, then its steps as they become due, then the clean-up.</summary>
/// <remarks>The machine says what and when; this class does it and reports. None of its members waits for a container.</remarks>
public sealed class WorkflowExecutor : IAsyncDisposable
{
    private readonly AgentContext agent;
    private readonly WorkflowJob job;
    private readonly Masker masker;
    private readonly CancellationTokenSource end = new();
    private readonly ConcurrentDictionary<(string Step, int Attempt), CancellationTokenSource> running = new();
    private readonly ConcurrentBag<Task> tasks = [];
    private WorkflowHost? host;
    private Task starting = Task.CompletedTask;

    /// <summary>Creates the executor; nothing happens yet.</summary>
    public WorkflowExecutor(AgentContext agent, WorkflowJob job)
    {
        ArgumentNullException.ThrowIfNull(job);
        this.agent = agent;
        this.job = job;
        masker = new Masker(job.Secrets.Values);
    }

    /// <summary>Carries out one effect; those of other workflows must not be given to it.</summary>
    /// <param name="effect">What to do.</param>
    /// <param name="state">The workflow after the change that had this effect.</param>
    public void CarryOut(Effect effect, WorkflowState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        switch (effect)
        {
            case Effect.StartWorkflow:
                starting = Task.Run(StartAsync);
                break;
            case Effect.DispatchStep dispatch:
                Dispatch(dispatch, state);
                break;
            case Effect.StopStep stop when running.TryGetValue((stop.Step, stop.Attempt), out var attempt):
                _ = Task.Run(attempt.Cancel);
                break;
            case Effect.ReleaseWorkflow:
                _ = Task.Run(ReleaseAsync);
                break;
        }
    }

    /// <summary>Prepares what will be due next, as far as slots reach, or further where the engine takes its time.</summary>
    public void PrepareAhead(WorkflowState state)
    {
        if (host is { } there && !end.IsCancellationRequested)
        {
            var depth = agent.Engine.PreparedAhead;
            foreach (var step in Lookahead.Next(job.Plan, state, depth).Take(Math.Max(depth, agent.Slots.CurrentCount)))
            {
                there.Ahead.Begin(step);
            }
        }
    }

    /// <summary>Ends everything that is left, without reporting.</summary>
    public async ValueTask DisposeAsync()
    {
        await end.CancelAsync();
        await starting;
        await Task.WhenAll(tasks);
        if (host is { } there)
        {
            await there.DisposeAsync();
        }

        end.Dispose();
    }

    private async Task StartAsync()
    {
        if (await agent.Report(new RunFact.WorkflowTaken(job.Plan.Name), CancellationToken.None) is not null)
        {
            // Cancelled before anybody made anything of it: the machine has ended it already.
            return;
        }

        var opened = new WorkflowHost(agent, job, masker);
        RunFact fact;
        try
        {
            await opened.OpenAsync(end.Token);
            fact = new RunFact.WorkflowReady(job.Plan.Name);
        }
        catch (ContainerException failure)
        {
            fact = new RunFact.WorkflowBroken(job.Plan.Name, new Outcome.Error(StepErrors.WordOf(failure), failure.Message));
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            fact = new RunFact.WorkflowBroken(job.Plan.Name, new Outcome.Error("stopped", "it was stopped before it was ready"));
        }
        catch (Exception bug)
        {
            // The one edge at which a defect of ours must still be told: the run would wait for it for ever.
            fact = new RunFact.WorkflowBroken(job.Plan.Name, new Outcome.Error("internal", $"BuildRunner itself failed: {bug}"));
        }

        host = opened;
        await agent.Report(fact, CancellationToken.None);
    }

    private void Dispatch(Effect.DispatchStep dispatch, WorkflowState state)
    {
        var there = host ?? throw new InvalidOperationException($"workflow '{job.Plan.Name}' was not started");
        var step = job.Plan.Steps.First(s => s.Name == dispatch.Step);
        var queuedAt = state.Step(dispatch.Step).Phase is StepPhase.Queued queued ? queued.Since : agent.Time.GetUtcNow();
        var attempt = new StepAttempt(step, dispatch.Attempt, queuedAt, dispatch.NotBefore, dispatch.Status, OutputsOf(state));
        var stop = CancellationTokenSource.CreateLinkedTokenSource(end.Token);
        running[(step.Name, dispatch.Attempt)] = stop;
        tasks.Add(Task.Run(() => RunAsync(there, attempt, stop)));
    }

    private async Task RunAsync(WorkflowHost there, StepAttempt attempt, CancellationTokenSource stop)
    {
        try
        {
            await new StepExecutor(agent, there.Group, job, masker, there.Ahead).RunAsync(attempt, stop.Token, CancellationToken.None);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It waited for its turn, and was never taken: the machine has ended it already.
        }
        catch (Exception defect)
        {
            // Its end could not be reported: whoever waits for the run has to know.
            agent.Fault(defect);
        }
        finally
        {
            running.TryRemove((attempt.Step.Name, attempt.Number), out _);
            stop.Dispose();
        }
    }

    private async Task ReleaseAsync()
    {
        try
        {
            await end.CancelAsync();
            await starting;
            await Task.WhenAll(tasks);
            await (host?.CloseAsync() ?? Task.CompletedTask);
            await agent.Report(new RunFact.WorkflowReleased(job.Plan.Name), CancellationToken.None);
        }
        catch (Exception defect)
        {
            // What is left is found by the reaper; whoever waits for the run has to know.
            agent.Fault(defect);
        }
    }

    private static Dictionary<string, ImmutableDictionary<string, string>> OutputsOf(WorkflowState state) =>
        state.Steps.Where(s => !s.Outputs.IsEmpty).ToDictionary(s => s.Name, s => s.Outputs, StringComparer.Ordinal);
}
