using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Orchestration;

/// <summary>Turns the machine's effects into rows of the queue.</summary>
internal sealed class QueueRows(DispatchOptions options)
{
    // What is queued in one moment is handed out and shown in the order in which it was queued.
    private readonly RisingIds ids = new();

    /// <summary>Attempts that were waiting to be taken and are not any more, though nobody took them: the machine ended or withdrew them.</summary>
    public static List<(string Workflow, string Step, int Attempt)> NoLongerQueued(RunState before, RunState after) =>
    [
        .. from workflow in before.Workflows.Zip(after.Workflows)
           from step in workflow.First.Steps.Zip(workflow.Second.Steps)
           where step.First.Phase is StepPhase.Queued && step.Second.Phase is StepPhase.Done or StepPhase.Waiting
           select (workflow.First.Name, step.First.Name, ((StepPhase.Queued)step.First.Phase).Attempt),
    ];

    /// <summary>Closes the rows of attempts that nobody took.</summary>
    public static async Task CloseAsync(WriteTurn turn, Guid run, IEnumerable<(string Workflow, string Step, int Attempt)> attempts)
    {
        foreach (var (workflow, step, attempt) in attempts)
        {
            await CloseAsync(turn, turn.Db.Work.Where(w =>
                w.Run == run && w.Workflow == workflow && w.Kind == WorkKind.Step && w.Step == step && w.Attempt == attempt && w.State == WorkState.Queued));
        }
    }

    /// <summary>Carries out one effect.</summary>
    /// <returns>A fact that this leads to at once; null if there is none.</returns>
    public async Task<RunFact?> CarryOutAsync(WriteTurn turn, RunHead run, RunPlan plan, Effect effect)
    {
        switch (effect)
        {
            case Effect.StartWorkflow(var workflow):
                await StartAsync(turn, run, plan.Workflows.First(w => w.Name == workflow));
                return null;
            case Effect.DispatchStep dispatch:
                await DispatchAsync(turn, run, plan, dispatch);
                return null;
            case Effect.StopStep(var workflow, var step, var attempt, var reason):
                await StopAsync(turn, run.Id, workflow, step, attempt, reason);
                return null;
            case Effect.ReleaseWorkflow(var workflow):
                return await ReleaseAsync(turn, run, workflow);
            case Effect.WorkflowFinished(var workflow, _):
                await FinishAsync(turn, run.Id, workflow);
                return null;
            default:
                return null;
        }
    }

    /// <summary>Starts a workflow of a run that this turn adds: its work cannot be there yet. Nothing is saved.</summary>
    public async Task StartNewAsync(WriteTurn turn, RunHead run, RunPlan plan, Effect.StartWorkflow start)
    {
        var row = await StartOfAsync(turn, run, plan.Workflows.First(w => w.Name == start.Workflow));
        turn.Db.Add(row);
        Ring(turn, row, row.Id);
    }

    private async Task StartAsync(WriteTurn turn, RunHead run, WorkflowPlan workflow) => await QueueAsync(turn, await StartOfAsync(turn, run, workflow));

    private async Task<WorkRow> StartOfAsync(WriteTurn turn, RunHead run, WorkflowPlan workflow)
    {
        var set = await LabelSets.NumberAsync(turn, workflow.Labels);
        var id = ids.Next(turn.Now);
        return new WorkRow
        {
            Id = id,
            Run = run.Id,
            Repository = run.Repository,
            Workflow = workflow.Name,
            Start = id,
            Kind = WorkKind.Start,
            Step = "",
            Attempt = 1,
            Status = WorkflowStatus.Success,
            State = WorkState.Queued,
            LabelSet = set,
            Priority = run.Priority,
            RunServed = run.LastServed,
            Weightless = false,
            Stranger = run.Stranger,
            QueuedAt = turn.Now,
            NotBefore = turn.Now,
            RangAt = turn.Now,
            Group = workflow.ConcurrencyGroup is { } group ? $"{run.Repository:N}/{group}" : null,
            GroupLimit = workflow.Concurrency?.Limit ?? 0,
        };
    }

    private async Task DispatchAsync(WriteTurn turn, RunHead run, RunPlan plan, Effect.DispatchStep dispatch)
    {
        var start = await turn.Db.Work.SingleAsync(w => w.Run == run.Id && w.Workflow == dispatch.Workflow && w.Kind == WorkKind.Start);
        var step = plan.Workflows.First(w => w.Name == dispatch.Workflow).Steps.First(s => s.Name == dispatch.Step);
        await QueueAsync(turn, new WorkRow
        {
            Id = ids.Next(turn.Now),
            Run = run.Id,
            Repository = run.Repository,
            Workflow = dispatch.Workflow,
            Start = start.Id,
            Kind = WorkKind.Step,
            Step = dispatch.Step,
            Attempt = dispatch.Attempt,
            Status = dispatch.Status,
            State = WorkState.Queued,
            Pin = start.Agent,
            LabelSet = start.LabelSet,
            Priority = run.Priority,
            Weightless = step.Detached,
            Stranger = run.Stranger,
            QueuedAt = turn.Now,
            NotBefore = dispatch.NotBefore ?? turn.Now,
            RangAt = turn.Now,
        });
    }

    private static async Task StopAsync(WriteTurn turn, Guid run, string workflow, string step, int attempt, StopReason reason)
    {
        var json = JsonSerializer.Serialize(reason, StoredJson.Default.StopReason);
        var work = turn.Db.Work.Where(w => w.Run == run && w.Workflow == workflow && w.Kind == WorkKind.Step && w.Step == step && w.Attempt == attempt);
        await work.ExecuteUpdateAsync(set => set.SetProperty(w => w.Stop, json));
        if (await work.Select(w => w.Agent).SingleOrDefaultAsync() is { } agent)
        {
            turn.Bells.Add(new Bell.Stop(agent));
        }
    }

    // Where the agent is gone nothing of the workflow can be ended by anybody; what is left of it goes when the agent comes back, because nobody names it any more.
    private async Task<RunFact?> ReleaseAsync(WriteTurn turn, RunHead run, string workflow)
    {
        var start = await turn.Db.Work.SingleAsync(w => w.Run == run.Id && w.Workflow == workflow && w.Kind == WorkKind.Start);
        await turn.Db.Work.Where(w => w.Id == start.Id && w.State == WorkState.Claimed).ExecuteUpdateAsync(set => set
            .SetProperty(w => w.State, WorkState.Hosted)
            .SetProperty(w => w.LeaseUntil, (DateTimeOffset?)null));
        var gone = turn.Now - options.AgentGoneAfter;
        if (!await turn.Db.Agents.AnyAsync(a => a.Id == start.Agent && a.LastSeen > gone))
        {
            return new RunFact.WorkflowReleased(workflow);
        }

        await QueueAsync(turn, new WorkRow
        {
            Id = ids.Next(turn.Now),
            Run = run.Id,
            Repository = run.Repository,
            Workflow = workflow,
            Start = start.Id,
            Kind = WorkKind.Release,
            Step = "",
            Attempt = 1,
            Status = WorkflowStatus.Success,
            State = WorkState.Queued,
            Pin = start.Agent,
            LabelSet = start.LabelSet,
            Priority = run.Priority,
            Weightless = true,
            Stranger = run.Stranger,
            QueuedAt = turn.Now,
            NotBefore = turn.Now,
            RangAt = turn.Now,
        });
        return null;
    }

    private static async Task FinishAsync(WriteTurn turn, Guid run, string workflow)
    {
        var start = await turn.Db.Work.Where(w => w.Run == run && w.Workflow == workflow && w.Kind == WorkKind.Start).SingleOrDefaultAsync();
        await CloseAsync(turn, turn.Db.Work.Where(w => w.Run == run && w.Workflow == workflow && w.State != WorkState.Done));
        if (start?.Group is null)
        {
            return;
        }

        // A place in the group is free: whoever waits for it wants to know.
        await turn.Db.GroupHolds.Where(h => h.Start == start.Id).ExecuteDeleteAsync();
        var next = await turn.Db.OpenWork.Where(w => w.Group == start.Group && w.State == WorkState.Queued).OrderBy(w => w.QueuedAt).FirstOrDefaultAsync();
        if (next is not null)
        {
            turn.Bells.Add(new Bell.Due(next.Run, next.Id, null, next.LabelSet));
        }
    }

    // The same work again is work that came back: its row is kept, and with it the fence.
    private static async Task QueueAsync(WriteTurn turn, WorkRow row)
    {
        var known = await turn.Db.Work
            .Where(w => w.Run == row.Run && w.Workflow == row.Workflow && w.Kind == row.Kind && w.Step == row.Step && w.Attempt == row.Attempt)
            .Select(w => (Guid?)w.Id)
            .SingleOrDefaultAsync();
        if (known is null)
        {
            turn.Db.Add(row);
            await turn.Db.SaveChangesAsync();
        }
        else
        {
            await turn.Db.Work.Where(w => w.Id == known).ExecuteUpdateAsync(set => set
                .SetProperty(w => w.State, WorkState.Queued)
                .SetProperty(w => w.Agent, (Guid?)null)
                .SetProperty(w => w.Claim, (Guid?)null)
                .SetProperty(w => w.LeaseUntil, (DateTimeOffset?)null)
                .SetProperty(w => w.Stop, (string?)null)
                .SetProperty(w => w.Result, (string?)null)
                .SetProperty(w => w.EndedAt, (DateTimeOffset?)null)
                .SetProperty(w => w.Pin, row.Pin)
                .SetProperty(w => w.Status, row.Status)
                .SetProperty(w => w.NotBefore, row.NotBefore)
                .SetProperty(w => w.RangAt, row.RangAt));
        }

        Ring(turn, row, known ?? row.Id);
    }

    private static void Ring(WriteTurn turn, WorkRow row, Guid work)
    {
        if (row.NotBefore <= turn.Now)
        {
            turn.Bells.Add(new Bell.Due(row.Run, work, row.Pin, row.LabelSet));
        }
    }

    private static Task<int> CloseAsync(WriteTurn turn, IQueryable<WorkRow> work)
    {
        DateTimeOffset? now = turn.Now;
        return work.ExecuteUpdateAsync(set => set
            .SetProperty(w => w.State, WorkState.Done)
            .SetProperty(w => w.EndedAt, now)
            .SetProperty(w => w.LeaseUntil, (DateTimeOffset?)null));
    }
}
