using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Telemetry;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>Takes what agents say about the work they have. Every word is checked against agent and fence; saying it twice changes nothing.</summary>
internal sealed class Reports(Database database, RunWriter writer, RunPlans plans, GiveBacks giveBacks)
{
    /// <summary>An attempt is about to be started (promise G2).</summary>
    public Task<Refusal?> IntentAsync(Guid agent, Guid work, IntentRequest request, CancellationToken cancellationToken) =>
        AboutAsync(agent, work, request.Fence, "intent", async (turn, row) =>
        {
            if (row.State == WorkState.Started)
            {
                return null;
            }

            if (row.State != WorkState.Claimed || row.Kind != WorkKind.Step)
            {
                return new Refusal(AgentProblems.Ended, "it has ended, or is nothing that is started");
            }

            if (await writer.ApplyAsync(turn, row.Run, new RunFact.StepStarting(row.Workflow, row.Step, row.Attempt, request.Image)) is { } refusal)
            {
                return new Refusal(AgentProblems.Stopped, refusal);
            }

            await turn.Db.Work.Where(w => w.Id == work).ExecuteUpdateAsync(set => set.SetProperty(w => w.State, WorkState.Started));
            await PinImageAsync(turn, row, request.Digest);
            return null;
        }, cancellationToken);

    /// <summary>The one report of a piece of work.</summary>
    public async Task<Refusal?> ResultAsync(Guid agent, Guid work, ResultRequest request, CancellationToken cancellationToken)
    {
        var json = JsonSerializer.Serialize(request.Result, StoredJson.Default.WorkResult);
        TimeSpan? cleanup = null;
        var refusal = await AboutAsync(agent, work, request.Fence, "result", async (turn, row) =>
        {
            if (row.Result is not null || row.State is not (WorkState.Claimed or WorkState.Started))
            {
                return row.Result == json ? null : await LateAsync(turn, row, json);
            }

            if (FactOf(row, request.Result) is not { } fact)
            {
                return new Refusal(AgentProblems.Ended, $"'{request.Result.GetType().Name}' is not how a {row.Kind} ends");
            }

            if (await writer.ApplyAsync(turn, row.Run, fact) is not null)
            {
                return await LateAsync(turn, row, json);
            }

            await EndAsync(turn, row, request.Result is WorkResult.Ready ? WorkState.Hosted : WorkState.Done, json);
            cleanup = row.Kind == WorkKind.Release ? turn.Now - row.QueuedAt : null;
            return null;
        }, cancellationToken);
        if (cleanup is { } took)
        {
            ServerMeter.Phase("cleanup", took);
        }

        return refusal;
    }

    /// <summary>Work that was not started comes back: also with its intent stored, if its agent knows that nothing of it was executed. Who lets leases end knows less, and takes such work for lost.</summary>
    public Task<Refusal?> ReturnAsync(Guid agent, Guid work, ReturnRequest request, CancellationToken cancellationToken) =>
        AboutAsync(agent, work, request.Fence, "return", async (turn, row) =>
        {
            if (row.State != WorkState.Claimed && !(row.State == WorkState.Started && request.NothingRan))
            {
                return new Refusal(AgentProblems.Ended, "it was started, or has ended");
            }

            await giveBacks.ReturnAsync(turn, row, request.Why);
            return null;
        }, cancellationToken);

    /// <summary>A service was started or has ended.</summary>
    public Task<Refusal?> ServiceAsync(Guid agent, Guid work, ServiceRequest request, CancellationToken cancellationToken) =>
        AboutAsync(agent, work, request.Fence, "service", async (turn, row) =>
        {
            RunFact fact = request.Outcome is { } outcome
                ? new RunFact.ServiceEnded(row.Workflow, request.Service, outcome)
                : new RunFact.ServiceStarted(row.Workflow, request.Service, request.Image);

            // Said twice it is refused by the machine, which changes nothing; nobody waits for the answer with a process.
            await writer.ApplyAsync(turn, row.Run, fact);
            return null;
        }, cancellationToken);

    /// <summary>A workflow's workspace is gone.</summary>
    public Task<Refusal?> WorkflowLostAsync(Guid agent, Guid work, WorkflowLostRequest request, CancellationToken cancellationToken) =>
        AboutAsync(agent, work, request.Fence, "workflow-lost", async (turn, row) =>
        {
            if (row.State is WorkState.Claimed or WorkState.Hosted)
            {
                await giveBacks.WorkflowLostAsync(turn, row, request.Why);
            }

            return null;
        }, cancellationToken);

    private async Task<Refusal?> AboutAsync(
        Guid agent, Guid work, long fence, string what, Func<WriteTurn, WorkRow, Task<Refusal?>> apply, CancellationToken cancellationToken) =>
        await database.WriteAsync(
            async turn =>
            {
                if (await turn.Db.Work.Where(w => w.Id == work).Select(w => (Guid?)w.Run).SingleOrDefaultAsync() is not { } run)
                {
                    return Refusal.Stale;
                }

                await turn.HoldAsync(run);
                var row = await turn.Db.Work.SingleAsync(w => w.Id == work);
                if (row.Agent == agent && row.Fence == fence)
                {
                    return await apply(turn, row);
                }

                turn.Audit($"agent {agent:N}", "work.stale", $"{run:N}/{row.Workflow}/{row.Step}", $"{what} with fence {fence}; the fence is {row.Fence}");
                return Refusal.Stale;
            },
            cancellationToken);

    // The outcome stands as it was written first; that there was another one is kept for whoever looks into it.
    private static async Task<Refusal> LateAsync(WriteTurn turn, WorkRow row, string json)
    {
        turn.Audit($"agent {row.Agent:N}", "work.late", $"{row.Run:N}/{row.Workflow}/{row.Step}", json);
        if (row.State is WorkState.Claimed or WorkState.Started)
        {
            await EndAsync(turn, row, WorkState.Done, json);
        }

        return new Refusal(AgentProblems.Ended, "this work has ended already; the first outcome stands");
    }

    private static Task<int> EndAsync(WriteTurn turn, WorkRow row, WorkState state, string json)
    {
        DateTimeOffset? ended = state == WorkState.Done ? turn.Now : null;
        return turn.Db.Work.Where(w => w.Id == row.Id).ExecuteUpdateAsync(set => set
            .SetProperty(w => w.State, state)
            .SetProperty(w => w.LeaseUntil, (DateTimeOffset?)null)
            .SetProperty(w => w.EndedAt, ended)
            .SetProperty(w => w.Result, json));
    }

    private static RunFact? FactOf(WorkRow row, WorkResult result) => (row.Kind, result) switch
    {
        (WorkKind.Start, WorkResult.Ready) => new RunFact.WorkflowReady(row.Workflow),
        (WorkKind.Start, WorkResult.Broken(var error)) => new RunFact.WorkflowBroken(row.Workflow, error),
        (WorkKind.Step, WorkResult.Ended(var report)) => new RunFact.StepEnded(row.Workflow, row.Step, row.Attempt, report),
        (WorkKind.Release, WorkResult.Released) => new RunFact.WorkflowReleased(row.Workflow),
        _ => null,
    };

    private async Task PinImageAsync(WriteTurn turn, WorkRow row, string? digest)
    {
        var plan = (await plans.OfAsync(turn.Db, row.Run)).Plan;
        var image = plan.Workflows.First(w => w.Name == row.Workflow).Steps.First(s => s.Name == row.Step).Image;
        if (digest is not null && !await turn.Db.RunImages.AnyAsync(i => i.Run == row.Run && i.Image == image))
        {
            turn.Db.Add(new RunImageRow { Run = row.Run, Image = image, Digest = digest });
        }
    }
}
