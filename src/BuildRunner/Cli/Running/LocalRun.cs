using BuildRunner.Agent.Output;
using BuildRunner.Agent.Steps;
using BuildRunner.Cli.Output;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Runs;

namespace BuildRunner.Cli.Running;

/// <summary>One run on this machine: the machine decides, executors do, a view shows. The same parts serve the server.</summary>
internal sealed class LocalRun : IAsyncDisposable
{
    /// <summary>The owner of what local runs leave behind (<see cref="GroupSpec.Owner"/>).</summary>
    public const string Owner = "local";

    private readonly LocalRunSpec spec;
    private readonly IRunView view;
    private readonly TimeProvider time;
    private readonly RunOrchestrator orchestrator;
    private readonly Dictionary<string, WorkflowExecutor> executors = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource<RunState> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource pulls = new();
    private readonly RunFolder folder = RunFolder.Create();
    private readonly ITimer deadline;
    private readonly AgentContext agent;

    public LocalRun(LocalRunSpec spec, IContainerEngine engine, IRunView view, ILogSink logs, TimeProvider time)
    {
        this.spec = spec;
        this.view = view;
        this.time = time;
        orchestrator = new RunOrchestrator(new InMemoryRunStore(), time, spec.Judge, SavedAsync);
        agent = new AgentContext(engine, spec.Images(engine, pulls.Token), new SemaphoreSlim(spec.Slots), ReportAsync, StepLog.To(logs, time), time, defect => ended.TrySetException(defect));
        deadline = time.CreateTimer(_ => Tell(new RunFact.TimePassed()), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Runs to the end. Whatever happens in the run is in the result.</summary>
    public async Task<RunState> RunAsync()
    {
        var created = await orchestrator.CreateAsync(spec.Id, spec.Plan, CancellationToken.None);
        for (var at = 0; at < spec.Plan.Workflows.Count; at++)
        {
            var workflow = spec.Plan.Workflows[at];
            executors.Add(workflow.Name, new WorkflowExecutor(agent, spec.JobOf(workflow, at, created.CreatedAt, folder.Path)));
        }

        await ReportAsync(new RunFact.Begin(), CancellationToken.None);
        return await ended.Task;
    }

    /// <summary>Asks for the end of the run; returns at once.</summary>
    /// <param name="why">Who asks; a sentence.</param>
    public void Cancel(string why)
    {
        Tell(new RunFact.CancelRequested(why));
    }

    public async ValueTask DisposeAsync()
    {
        await deadline.DisposeAsync();
        await pulls.CancelAsync();
        foreach (var executor in executors.Values)
        {
            await executor.DisposeAsync();
        }

        pulls.Dispose();
        agent.Slots.Dispose();
        folder.Dispose();
    }

    private Task<string?> ReportAsync(RunFact fact, CancellationToken cancellationToken) => orchestrator.ApplyAsync(spec.Id, fact, cancellationToken);

    private void Tell(RunFact fact) => Task.Run(async () =>
    {
        try
        {
            await ReportAsync(fact, CancellationToken.None);
        }
        catch (Exception defect)
        {
            // Nobody awaits this task.
            ended.TrySetException(defect);
        }
    });

    private ValueTask SavedAsync(RunChange change)
    {
        foreach (var progress in RunProgress.Of(change))
        {
            view.Show(progress, change.After);
        }

        foreach (var effect in change.Effects)
        {
            CarryOut(effect, change.After);
        }

        foreach (var workflow in change.After.Workflows)
        {
            executors[workflow.Name].PrepareAhead(workflow);
        }

        Arm(change.After);
        return ValueTask.CompletedTask;
    }

    private void CarryOut(Effect effect, RunState state)
    {
        var workflow = effect switch
        {
            Effect.StartWorkflow start => start.Workflow,
            Effect.DispatchStep dispatch => dispatch.Workflow,
            Effect.StopStep stop => stop.Workflow,
            Effect.ReleaseWorkflow release => release.Workflow,
            _ => null,
        };
        if (workflow is not null)
        {
            executors[workflow].CarryOut(effect, state.Workflow(workflow));
        }
        else if (effect is Effect.RunFinished)
        {
            ended.TrySetResult(state);
        }
    }

    private void Arm(RunState state)
    {
        var due = RunMachine.NextDeadline(state) is { } at ? at - time.GetUtcNow() : Timeout.InfiniteTimeSpan;
        deadline.Change(due < TimeSpan.Zero && due != Timeout.InfiniteTimeSpan ? TimeSpan.Zero : due, Timeout.InfiniteTimeSpan);
    }
}
