using BuildRunner.Containers.Engine;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace BuildRunner.Agent.Tests.Work;

/// <summary>An agent with a scripted server and engine.</summary>
internal sealed class TestAgent : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly CancellationTokenSource stop = new();
    private readonly TestFolder folder;
    private readonly bool ownsFolder;
    private Task running = Task.CompletedTask;

    private TestAgent(ScriptedServer server, IContainerEngine engine, TestFolder? folder)
    {
        Server = server;
        Engine = engine;
        ownsFolder = folder is null;
        this.folder = folder ?? TestFolder.Create();
    }

    public ScriptedServer Server { get; }

    public IContainerEngine Engine { get; }

    public string WorkDirectory => folder["work"];

    public static TestAgent Start(ScriptedServer server, IContainerEngine engine, Func<AgentHostOptions, AgentHostOptions>? change = null, TestFolder? folder = null, TimeProvider? time = null)
    {
        var agent = new TestAgent(server, engine, folder);
        var options = new AgentHostOptions
        {
            Server = new Uri("http://server.test"),
            WorkDirectory = agent.folder["work"],
            VolatileDirectory = agent.folder["volatile"],
            Name = "a",
            Slots = 2,
            Token = "brr_test",
            MinFreeDisk = 0,
            DrainGrace = TimeSpan.FromSeconds(3),
        };
        agent.running = Task.Run(() => AgentHost.RunAsync(change?.Invoke(options) ?? options, engine, server.Handler(), NullLoggerFactory.Instance, time ?? TimeProvider.System, agent.stop.Token));
        return agent;
    }

    /// <summary>Asks it to end, as TERM does, and waits.</summary>
    public async Task EndAsync()
    {
        await stop.CancelAsync();
        await running.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    /// <summary>Waits until it ends by itself.</summary>
    public Task EndedAsync() => running.WaitAsync(Patience, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        try
        {
            // How it ends is asked by the test, if it concerns it; that it does not end concerns all.
            await running.ContinueWith(_ => { }, TaskScheduler.Default).WaitAsync(Patience);
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"the agent has not ended {Patience.TotalSeconds} seconds after it was asked to; told were:\n{string.Join('\n', Server.Told)}");
        }

        stop.Dispose();
        if (ownsFolder)
        {
            folder.Dispose();
        }
    }
}

/// <summary>Work of one workflow, as a server hands it out.</summary>
internal sealed class TestWork
{
    private readonly WorkflowPlan plan;

    public TestWork(params StepPlan[] steps)
        : this(Steps.AgentRun.Workflow(steps))
    {
    }

    public TestWork(WorkflowPlan plan) => this.plan = plan;

    public WorkId StartId { get; } = new(Guid.NewGuid());

    public RunId Run { get; } = new(Guid.NewGuid());

    public WorkGrants Grants { get; init; } = WorkGrants.None;

    public IReadOnlyList<string> Mask { get; init; } = [];

    public IReadOnlyList<RegistryAccess> Registries { get; init; } = [];

    public WorkItem Start => Item(StartId, new WorkTask.Start { Plan = plan, Event = new RunEvent { Kind = "push" }, Grants = Grants, Mask = Mask, Registries = Registries });

    public WorkItem Release => Item(new WorkId(Guid.NewGuid()), new WorkTask.Release());

    public WorkItem Step(string name, Func<WorkTask.Step, WorkTask.Step>? change = null)
    {
        var task = new WorkTask.Step { Plan = plan.Steps.First(s => s.Name == name), Attempt = 1, Status = WorkflowStatus.Success, Grants = Grants };
        return Item(new WorkId(Guid.NewGuid()), change?.Invoke(task) ?? task);
    }

    private WorkItem Item(WorkId id, WorkTask task) => new()
    {
        Id = id,
        Fence = 1,
        Run = Run,
        RunName = "acme/shop#1",
        RunCreatedAt = DateTimeOffset.UnixEpoch,
        Workflow = plan.Name,
        Start = StartId,
        Task = task,
    };
}
