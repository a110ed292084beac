using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>Takes work for a claim: by one conditional update that raises the fence, in one transaction with the run's state.</summary>
internal sealed class Takings(RunWriter writer, DispatchOptions options)
{
    // More than one look, because the first candidates may not be there any more.
    private const int MostLooks = 8;

    /// <summary>Takes all that is pinned, as far as slots reach, but of the rest only one: other agents may be idle.</summary>
    /// <param name="turn">The turn.</param>
    /// <param name="claimant">For whom.</param>
    /// <param name="request">What it asked for.</param>
    /// <param name="held">What it has.</param>
    /// <param name="pinned">What only it may take.</param>
    /// <param name="labels">The sets of labels that it has.</param>
    /// <returns>What was taken, as it is now.</returns>
    public async Task<List<WorkRow>> TakeAsync(WriteTurn turn, Claimant claimant, ClaimRequest request, List<WorkRow> held, List<WorkRow> pinned, List<int> labels)
    {
        var agent = claimant.Agent;
        var free = Math.Min(request.FreeSlots, agent.Slots - held.Count(w => !w.Weightless));
        var taken = new List<WorkRow>();
        foreach (var row in pinned)
        {
            if ((row.Weightless || free > 0) && await TryTakeAsync(turn, agent, request.Claim, row, serving: null, wait: true) == Taking.Taken)
            {
                taken.Add(row);
                free -= row.Weightless ? 0 : 1;
            }
        }

        // An agent that says why it takes nothing still finishes what it has begun.
        if (free > 0 && !agent.Drain && agent.Unready is null && taken.Count == 0 && !claimant.Paused)
        {
            taken.AddRange(await TakeOpenAsync(turn, agent, request.Claim, labels));
        }

        return taken;
    }

    // A candidate that the run's state refuses is closed, and what was behind it in its repository is a candidate then. About whose run others write at this moment,
    // other claims among them, is not waited for as long as something else comes first as well as it does.
    private async Task<List<WorkRow>> TakeOpenAsync(WriteTurn turn, AgentRow agent, Guid claim, List<int> labels)
    {
        var strangers = (!agent.Embedded || options.EmbeddedAgentTakesStrangers) && Labels.TakesStrangers(Labels.OfAgent(agent.Labels, agent.Facts));
        var (busy, wait) = (new List<WorkRow>(), false);
        for (var look = 0; look < MostLooks; look++)
        {
            var open = await Candidates.OpenAsync(turn, labels, strangers, [.. busy.Select(b => b.Run)]);
            if (busy.Count > 0 && (open.Count == 0 || open[0].Row.Priority < busy[0].Priority))
            {
                (wait, open) = (true, await Candidates.OpenAsync(turn, labels, strangers, []));
                busy.Clear();
            }

            if (open.Count == 0)
            {
                break;
            }

            foreach (var candidate in open.Where(o => wait || o.Row.Priority == open[0].Row.Priority))
            {
                var taking = await TryTakeAsync(turn, agent, claim, candidate.Row, candidate.Serving, wait);
                if (taking == Taking.Taken)
                {
                    await Candidates.ServedAsync(turn, candidate);
                    return [candidate.Row];
                }

                if (taking == Taking.Busy)
                {
                    busy.Add(candidate.Row);
                }
            }
        }

        return [];
    }

    private async Task<Taking> TryTakeAsync(WriteTurn turn, AgentRow agent, Guid claim, WorkRow row, long? serving, bool wait)
    {
        if (wait)
        {
            await turn.HoldAsync(row.Run);
        }
        else if (!await turn.TryHoldAsync(row.Run))
        {
            return Taking.Busy;
        }

        var queued = turn.Db.Work.Where(w => w.Id == row.Id && w.State == WorkState.Queued && w.Fence == row.Fence);
        if (row.Group is not null && !(await queued.AnyAsync() && await Candidates.HoldPlaceAsync(turn, row)))
        {
            return Taking.Gone;
        }

        DateTimeOffset? lease = turn.Now + options.Times.Lease;
        var taken = await queued.ExecuteUpdateAsync(set => set
            .SetProperty(w => w.State, WorkState.Claimed)
            .SetProperty(w => w.Fence, w => w.Fence + 1)
            .SetProperty(w => w.Agent, agent.Id)
            .SetProperty(w => w.Claim, claim)
            .SetProperty(w => w.LeaseUntil, lease));
        if (taken != 1)
        {
            return row.Group is null ? Taking.Gone : throw new StaleException($"work {row.Id:N} was taken by somebody else");
        }

        if (FactOf(row) is { } fact && await writer.ApplyAsync(turn, row.Run, fact, serving) is { } refusal)
        {
            await CloseAsync(turn, row, refusal);
            return Taking.Gone;
        }

        row.Fence++;
        row.Agent = agent.Id;
        row.State = WorkState.Claimed;
        return Taking.Taken;
    }

    private static RunFact? FactOf(WorkRow row) => row.Kind switch
    {
        WorkKind.Start => new RunFact.WorkflowTaken(row.Workflow),
        WorkKind.Step => new RunFact.StepTaken(row.Workflow, row.Step, row.Attempt),
        _ => null,
    };

    // The state rules, and the queue follows it: a row that the run does not know of would otherwise be offered for ever.
    private static async Task CloseAsync(WriteTurn turn, WorkRow row, string refusal)
    {
        await turn.Db.Work.Where(w => w.Id == row.Id).ExecuteUpdateAsync(set => set
            .SetProperty(w => w.State, WorkState.Done)
            .SetProperty(w => w.Agent, row.Agent)
            .SetProperty(w => w.Claim, row.Claim)
            .SetProperty(w => w.LeaseUntil, row.LeaseUntil));
        await turn.Db.GroupHolds.Where(h => h.Start == row.Id).ExecuteDeleteAsync();
        turn.Audit("server", "work.dropped", $"{row.Run:N}/{row.Workflow}/{row.Step}", $"it was queued, but the run says: {refusal}");
    }

    private enum Taking
    {
        /// <summary>It is the agent's.</summary>
        Taken,

        /// <summary>It is somebody else's, or nobody's any more.</summary>
        Gone,

        /// <summary>Somebody else writes about its run at this moment.</summary>
        Busy,
    }
}
