using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>What becomes of work whose agent does not do it (promise G3). The caller holds the run.</summary>
internal sealed class GiveBacks(RunWriter writer, DispatchOptions options)
{
    /// <summary>Work that provably was not started is queued again, a few times.</summary>
    public async Task ReturnAsync(WriteTurn turn, WorkRow row, string why)
    {
        turn.Audit("server", "work.returned", Subject(row), why);
        Telemetry.ServerMeter.StepRequeued.Add(1);
        if (row.Returns >= options.MaxReturns && row.Kind != WorkKind.Release)
        {
            await PoisonAsync(turn, row, why);
            return;
        }

        switch (row.Kind)
        {
            case WorkKind.Start:
                await LeaveGroupAsync(turn, row);
                await writer.ApplyAsync(turn, row.Run, new RunFact.WorkflowReturned(row.Workflow));
                break;
            case WorkKind.Step:
                await writer.ApplyAsync(turn, row.Run, new RunFact.StepReturned(row.Workflow, row.Step, row.Attempt));
                break;
            default:
                await RequeueReleaseAsync(turn, row);
                break;
        }

        // What the run did not want any more was not queued again.
        await turn.Db.Work.Where(w => w.Id == row.Id && w.State == WorkState.Queued).ExecuteUpdateAsync(set => set.SetProperty(w => w.Returns, w => w.Returns + 1));
        await CloseAsync(turn, row);
    }

    /// <summary>Work that may have been started is lost: an outcome, which only the step's own <c>retry</c> repeats.</summary>
    public async Task LoseAsync(WriteTurn turn, WorkRow row, string why)
    {
        turn.Audit("server", "work.lost", Subject(row), why);
        var report = new StepReport { Outcome = new Outcome.Lost(why) };
        await writer.ApplyAsync(turn, row.Run, new RunFact.StepEnded(row.Workflow, row.Step, row.Attempt, report));
        await CloseAsync(turn, row);
    }

    /// <summary>A workflow's workspace is gone. If no step of it was ever started, the workflow is made again, by any agent; otherwise it ends.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="start">The work that made it.</param>
    /// <param name="why">What happened, as a sentence.</param>
    public async Task WorkflowLostAsync(WriteTurn turn, WorkRow start, string why)
    {
        foreach (var step in await turn.Db.Work.Where(w => w.Start == start.Id && w.Kind == WorkKind.Step && w.State == WorkState.Claimed).ToListAsync())
        {
            await writer.ApplyAsync(turn, step.Run, new RunFact.StepReturned(step.Workflow, step.Step, step.Attempt));
            await CloseAsync(turn, step);
        }

        await LeaveGroupAsync(turn, start);
        var error = new Outcome.Error("workspace_lost", why);
        if (start.Returns < options.MaxReturns && await writer.ApplyAsync(turn, start.Run, new RunFact.WorkflowReturned(start.Workflow)) is null)
        {
            await turn.Db.Work.Where(w => w.Id == start.Id).ExecuteUpdateAsync(set => set.SetProperty(w => w.Returns, w => w.Returns + 1));
            turn.Audit("server", "workflow.returned", Subject(start), why);
        }
        else if (await writer.ApplyAsync(turn, start.Run, new RunFact.WorkflowBroken(start.Workflow, error)) is null)
        {
            turn.Audit("server", "workflow.lost", Subject(start), why);
        }
    }

    private async Task PoisonAsync(WriteTurn turn, WorkRow row, string why)
    {
        var error = new Outcome.Error("poison", $"it came back {row.Returns + 1} times without having been started, the last time because {why}");
        RunFact fact = row.Kind == WorkKind.Start
            ? new RunFact.WorkflowBroken(row.Workflow, error)
            : new RunFact.StepEnded(row.Workflow, row.Step, row.Attempt, new StepReport { Outcome = error });
        await writer.ApplyAsync(turn, row.Run, fact);
        await CloseAsync(turn, row);
    }

    private async Task RequeueReleaseAsync(WriteTurn turn, WorkRow row)
    {
        var gone = turn.Now - options.AgentGoneAfter;
        if (!await turn.Db.Agents.AnyAsync(a => a.Id == row.Pin && a.LastSeen > gone))
        {
            await writer.ApplyAsync(turn, row.Run, new RunFact.WorkflowReleased(row.Workflow));
            return;
        }

        await turn.Db.Work.Where(w => w.Id == row.Id).ExecuteUpdateAsync(set => set
            .SetProperty(w => w.State, WorkState.Queued)
            .SetProperty(w => w.Agent, (Guid?)null)
            .SetProperty(w => w.LeaseUntil, (DateTimeOffset?)null));
        turn.Bells.Add(new Bell.Due(row.Run, row.Id, row.Pin, row.LabelSet));
    }

    private static Task<int> LeaveGroupAsync(WriteTurn turn, WorkRow start) => turn.Db.GroupHolds.Where(h => h.Start == start.Id).ExecuteDeleteAsync();

    private static Task<int> CloseAsync(WriteTurn turn, WorkRow row)
    {
        DateTimeOffset? now = turn.Now;
        return turn.Db.Work.Where(w => w.Id == row.Id && (w.State == WorkState.Claimed || w.State == WorkState.Started)).ExecuteUpdateAsync(set => set
            .SetProperty(w => w.State, WorkState.Done)
            .SetProperty(w => w.LeaseUntil, (DateTimeOffset?)null)
            .SetProperty(w => w.EndedAt, now));
    }

    private static string Subject(WorkRow row) => $"{row.Run:N}/{row.Workflow}/{row.Step}";
}
