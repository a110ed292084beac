using System.Collections.Concurrent;
using System.Text;
using BuildRunner.Agent.Output;
using BuildRunner.Agent.Steps;
using BuildRunner.Containers.Engine;
using BuildRunner.Core.Logs;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Testing;

namespace BuildRunner.Agent.Tests.Steps;

/// <summary>Runs a plan with the machine, the orchestrator and the executor, on an engine of the test.</summary>
internal sealed class AgentRun : ILogSink, IAsyncDisposable
{
    private readonly TestFolder folder = TestFolder.Create();
    private readonly RunOrchestrator orchestrator;
    private readonly RunId id = new(Guid.CreateVersion7());
    private readonly RunPlan plan;
    private readonly WorkflowExecutor executor;
    private readonly TaskCompletionSource<RunState> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<(Func<RunState, bool> Seen, TaskCompletionSource Done)> waiting = [];
    private readonly Lock gate = new();
    private RunState? last;

    public AgentRun(IContainerEngine engine, WorkflowPlan workflow, TimeProvider? time = null, int slots = 4, Func<WorkflowJob, WorkflowJob>? change = null, RunImageOptions? images = null)
    {
        plan = new RunPlan([workflow], new RunEvent { Kind = "manual" });
        orchestrator = new RunOrchestrator(new InMemoryRunStore(), time ?? TimeProvider.System, null, SavedAsync);
        var job = new WorkflowJob
        {
            Run = id,
            Plan = workflow,
            GroupId = $"{id}-0",
            Owner = "test",
            Workspace = new WorkspaceSpec { BasePath = "/woodpecker", TreePath = "/woodpecker/src", SourceDirectory = folder.Path, CopyOnWrite = true },
            ScratchDirectory = folder.Path,
            RunStartedAt = DateTimeOffset.UnixEpoch,
        };
        var agent = new AgentContext(
            engine,
            new RunImages(engine, images ?? new RunImageOptions(null, new Dictionary<string, string>(), null, null, CancellationToken.None)),
            new SemaphoreSlim(slots),
            (fact, token) => orchestrator.ApplyAsync(id, fact, token),
            StepLog.To(this, time ?? TimeProvider.System),
            time ?? TimeProvider.System,
            defect => ended.TrySetException(defect));
        executor = new WorkflowExecutor(agent, change?.Invoke(job) ?? job);
    }

    /// <summary>What was written: <c>step: text</c>.</summary>
    public ConcurrentQueue<string> Lines { get; } = [];

    public static WorkflowPlan Workflow(params StepPlan[] steps) =>
        new() { Name = "ci", File = "ci.yml", WorkspaceBase = "/woodpecker", WorkspaceTree = "/woodpecker/src", Steps = steps };

    public static StepPlan Step(string name, params string[] after) => new()
    {
        Name = name,
        Kind = StepKind.Commands,
        Image = "busybox",
        Commands = ["true"],
        Location = new SourceLocation("ci.yml", 3, 5),
        DependsOn = [.. after.Select(n => new PlanDependency(n))],
    };

    /// <summary>Runs to the end.</summary>
    public async Task<RunState> PlayAsync()
    {
        await BeginAsync();
        return await ended.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    public async Task BeginAsync()
    {
        await orchestrator.CreateAsync(id, plan, CancellationToken.None);
        await TellAsync(new RunFact.Begin());
    }

    public Task<RunState> EndAsync() => ended.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

    public Task<string?> TellAsync(RunFact fact) => orchestrator.ApplyAsync(id, fact, CancellationToken.None);

    /// <summary>Waits until the run has been in such a state.</summary>
    public Task SeesAsync(Func<RunState, bool> seen)
    {
        lock (gate)
        {
            if (last is not null && seen(last))
            {
                return Task.CompletedTask;
            }

            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            waiting.Add((seen, done));
            return done.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        }
    }

    public ValueTask WriteAsync(LogLine line, CancellationToken cancellationToken)
    {
        Lines.Enqueue($"{line.Step}: {Encoding.UTF8.GetString(line.Text.Span)}");
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await executor.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        folder.Dispose();
    }

    private ValueTask SavedAsync(RunChange change)
    {
        foreach (var effect in change.Effects)
        {
            executor.CarryOut(effect, change.After.Workflow("ci"));
        }

        executor.PrepareAhead(change.After.Workflow("ci"));
        lock (gate)
        {
            last = change.After;
            foreach (var (_, done) in waiting.Where(w => w.Seen(change.After)))
            {
                done.TrySetResult();
            }
        }

        if (change.After.Result is not null)
        {
            ended.TrySetResult(change.After);
        }

        return ValueTask.CompletedTask;
    }
}
