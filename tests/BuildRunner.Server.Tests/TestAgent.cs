using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Agents;
using BuildRunner.Server.Dispatch;

namespace BuildRunner.Server.Tests;

/// <summary>An agent that runs nothing: it says what a test wants it to say.</summary>
internal sealed class TestAgent(Installation server, Guid id, string name)
{
    public Guid Id => id;

    public string Name => name;

    public int Slots { get; init; } = 4;

    public Guid Session { get; private set; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The same agent, as another server sees it.</summary>
    public TestAgent At(Installation other) => new(other, id, name) { Slots = Slots, Session = Session };

    public Task<HelloResponse> HelloAsync()
    {
        Session = Guid.NewGuid();
        return GreetAgainAsync();
    }

    /// <summary>The same process greets once more, as after a long silence.</summary>
    public Task<HelloResponse> GreetAgainAsync()
    {
        var request = new HelloRequest { Version = "0.1.0", Session = Session, Slots = Slots, Facts = new Dictionary<string, string> { ["platform"] = "linux/amd64" } };
        return server.Get<AgentRegistry>().GreetAsync(id, request, "0.1.0", Cancel);
    }

    public Task<ClaimResponse> ClaimAsync(int? free = null, Guid? claim = null, params WorkId[] stopping) =>
        server.Get<Claims>().ClaimAsync(id, new ClaimRequest { Claim = claim ?? Guid.NewGuid(), FreeSlots = free ?? Slots, Stopping = stopping }, Cancel);

    /// <summary>Claims, and expects exactly one piece of work.</summary>
    public async Task<WorkItem> TakeAsync() => Assert.Single((await ClaimAsync()).Work);

    /// <summary>Claims a workflow, makes it, and claims its first step.</summary>
    public async Task<WorkItem> TakeFirstStepAsync()
    {
        await SayAsync(await TakeAsync(), new WorkResult.Ready());
        return await TakeAsync();
    }

    public async Task<string?> IntendAsync(WorkItem work, long? fence = null) =>
        (await server.Get<Reports>().IntentAsync(id, work.Id.Value, new IntentRequest { Fence = fence ?? work.Fence, Image = "busybox" }, Cancel))?.Code;

    public async Task<string?> ReportAsync(WorkItem work, WorkResult result, long? fence = null) =>
        (await server.Get<Reports>().ResultAsync(id, work.Id.Value, new ResultRequest { Fence = fence ?? work.Fence, Result = result }, Cancel))?.Code;

    public async Task<string?> ReturnAsync(WorkItem work, bool nothingRan = false) =>
        (await server.Get<Reports>().ReturnAsync(id, work.Id.Value, new ReturnRequest { Fence = work.Fence, Why = "it is draining", NothingRan = nothingRan }, Cancel))?.Code;

    public async Task<string?> LoseWorkflowAsync(WorkItem start) =>
        (await server.Get<Reports>().WorkflowLostAsync(id, start.Id.Value, new WorkflowLostRequest { Fence = start.Fence, Why = "it restarted" }, Cancel))?.Code;

    /// <summary>Reports, and expects that it is taken.</summary>
    public async Task SayAsync(WorkItem work, WorkResult result) => Assert.Null(await ReportAsync(work, result));

    /// <summary>Reports, and takes what comes next.</summary>
    public async Task<WorkItem> SayAndTakeAsync(WorkItem work, WorkResult result)
    {
        await SayAsync(work, result);
        return await TakeAsync();
    }

    /// <summary>Runs one attempt of a step as it should be.</summary>
    public async Task DoAsync(WorkItem step, Outcome? outcome = null)
    {
        Assert.Null(await IntendAsync(step));
        await SayAsync(step, Ended(outcome ?? new Outcome.Success()));
    }

    /// <summary>Takes and does everything there is, until nothing comes any more.</summary>
    /// <returns>What it did, in order: <c>workflow/step</c> or <c>workflow</c> for making one.</returns>
    public async Task<List<string>> DoAllAsync()
    {
        var done = new List<string>();
        while ((await ClaimAsync()).Work is { Count: > 0 } work)
        {
            foreach (var item in work)
            {
                switch (item.Task)
                {
                    case WorkTask.Start:
                        done.Add(item.Workflow);
                        await SayAsync(item, new WorkResult.Ready());
                        break;
                    case WorkTask.Step step:
                        done.Add($"{item.Workflow}/{step.Plan.Name}");
                        await DoAsync(item);
                        break;
                    default:
                        await SayAsync(item, new WorkResult.Released());
                        break;
                }
            }
        }

        return done;
    }

    public Task<HeartbeatResponse> BeatAsync(params WorkItem[] work) => server.Get<Leases>().RenewAsync(
        id, new HeartbeatRequest { Session = Session, Work = [.. work.Select(w => new LeaseRenewal(w.Id, w.Fence))] }, Cancel);

    public static WorkResult Ended(Outcome outcome) => new WorkResult.Ended(new StepReport { Outcome = outcome, Image = "busybox" });
}
