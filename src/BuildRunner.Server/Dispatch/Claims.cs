using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Telemetry;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>Hands out work. Taking is one conditional update that raises the fence, in one transaction with the run's state.</summary>
internal sealed class Claims(Database database, RunWriter writer, WorkItems items, LabelSets sets, Doorbells bells, Remotes remotes, DispatchOptions options, TimeProvider time)
{
    // More than one look, because the first candidates may not be there any more.
    private const int MostLooks = 8;

    /// <summary>Answers a claim: at once if there is something to take or to stop, otherwise when there is, or when the time is up.</summary>
    public async Task<ClaimResponse> ClaimAsync(Guid agent, ClaimRequest request, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var fitting = new HashSet<int>();
            using var waiter = bells.Listen(agent, request.FreeSlots > 0 ? set => Knows(fitting, set) : null, request.Session, request.Number);
            if (waiter.GivenUp)
            {
                return new ClaimResponse { Work = [] };
            }

            var looked = time.GetTimestamp();
            var answer = await database.WriteAsync(turn => TryAsync(turn, agent, request, fitting), cancellationToken);
            if (answer.Work.Count + answer.Stops.Count > 0 || bells.Closed)
            {
                var complete = await CompleteAsync(answer, cancellationToken);
                if (answer.Work.Count > 0)
                {
                    ServerMeter.Phase("claim", time.GetElapsedTime(looked));
                }

                return complete;
            }

            if (!await waiter.WaitAsync(options.Times.ClaimWait - time.GetElapsedTime(began), time, cancellationToken))
            {
                return answer;
            }
        }
    }

    private async Task<ClaimResponse> CompleteAsync(ClaimResponse answer, CancellationToken cancellationToken)
    {
        var work = new List<WorkItem>(answer.Work.Count);
        foreach (var item in answer.Work)
        {
            work.Add(await remotes.CompleteAsync(item, cancellationToken));
        }

        return answer with { Work = work };
    }

    // The sets are known once the first look is done; until then everything fits, because being woken for nothing costs little.
    private static bool Knows(HashSet<int> fitting, int set)
    {
        lock (fitting)
        {
            return fitting.Count == 0 || fitting.Contains(set);
        }
    }

    private async Task<ClaimResponse> TryAsync(WriteTurn turn, Guid agentId, ClaimRequest request, HashSet<int> fitting)
    {
        // One claim of an agent after the other, on every server: the second of two with one id has to see what the first was given.
        await turn.HoldAgentAsync(agentId);
        var agent = await turn.Db.Agents.SingleAsync(a => a.Id == agentId);
        if (IsGivenUp(agent, request))
        {
            // Something between us and the agent keeps it waiting; whatever it was given nobody would do until its lease ends.
            return new ClaimResponse { Work = [] };
        }

        if (agent.LastSeen is null || agent.LastSeen < turn.Now - options.Times.HeartbeatEvery)
        {
            DateTimeOffset? now = turn.Now;
            await turn.Db.Agents.Where(a => a.Id == agentId).ExecuteUpdateAsync(set => set.SetProperty(a => a.LastSeen, now));
        }

        var labels = await sets.FittingAsync(turn.Db, Labels.OfAgent(agent.Labels, agent.Facts));
        lock (fitting)
        {
            fitting.Clear();
            fitting.UnionWith(labels);
        }

        var held = await turn.Db.OpenWork.Where(w => w.Agent == agentId && (w.State == WorkState.Claimed || w.State == WorkState.Started)).ToListAsync();
        var repeated = held.Where(w => w.Claim == request.Claim && w.State == WorkState.Claimed).ToList();
        if (repeated.Count == 0)
        {
            repeated = await TakeAsync(turn, agent, request, held, labels);
            await ServedAsync(turn, agent, request, repeated);
        }

        var work = new List<WorkItem>();
        foreach (var row in repeated)
        {
            work.Add(await items.MakeAsync(turn, row));
        }

        return new ClaimResponse { Work = work, Stops = StopsOf(held, request.Stopping) };
    }

    // Of a process that is gone, or before one that was given work already: its agent has gone on to the next, and does not listen to this one any more.
    private static bool IsGivenUp(AgentRow agent, ClaimRequest request) =>
        request.Session is { } session && agent.Session is { } present && (session != present || request.Number < agent.ServedClaim);

    private static async Task ServedAsync(WriteTurn turn, AgentRow agent, ClaimRequest request, List<WorkRow> taken)
    {
        if (taken.Count > 0 && request.Session is not null && request.Number > 0)
        {
            await turn.Db.Agents.Where(a => a.Id == agent.Id).ExecuteUpdateAsync(set => set.SetProperty(a => a.ServedClaim, request.Number));
        }
    }

    // All that is pinned, as far as slots reach, but of the rest only one: other agents may be idle.
    private async Task<List<WorkRow>> TakeAsync(WriteTurn turn, AgentRow agent, ClaimRequest request, List<WorkRow> held, List<int> labels)
    {
        var free = Math.Min(request.FreeSlots, agent.Slots - held.Count(w => !w.Weightless));
        var taken = new List<WorkRow>();
        foreach (var row in await Candidates.PinnedAsync(turn, agent.Id, free > 0))
        {
            if ((row.Weightless || free > 0) && await TryTakeAsync(turn, agent, request.Claim, row))
            {
                taken.Add(row);
                free -= row.Weightless ? 0 : 1;
            }
        }

        // An agent that says why it takes nothing still finishes what it has begun.
        if (free > 0 && !agent.Drain && agent.Unready is null && taken.Count == 0)
        {
            taken.AddRange(await TakeOpenAsync(turn, agent, request.Claim, labels));
        }

        return taken;
    }

    // A candidate that the run's state refuses is closed, and what was behind it in its repository is a candidate then.
    private async Task<List<WorkRow>> TakeOpenAsync(WriteTurn turn, AgentRow agent, Guid claim, List<int> labels)
    {
        var strangers = (!agent.Embedded || options.EmbeddedAgentTakesStrangers) && Labels.TakesStrangers(Labels.OfAgent(agent.Labels, agent.Facts));
        for (var look = 0; look < MostLooks; look++)
        {
            var candidates = await Candidates.OpenAsync(turn, labels, strangers);
            foreach (var row in candidates)
            {
                if (await TryTakeAsync(turn, agent, claim, row))
                {
                    await Candidates.ServedAsync(turn, row);
                    return [row];
                }
            }

            if (candidates.Count == 0)
            {
                break;
            }
        }

        return [];
    }

    private async Task<bool> TryTakeAsync(WriteTurn turn, AgentRow agent, Guid claim, WorkRow row)
    {
        await turn.HoldAsync(row.Run);
        var queued = turn.Db.Work.Where(w => w.Id == row.Id && w.State == WorkState.Queued && w.Fence == row.Fence);
        if (!await queued.AnyAsync() || !await Candidates.HoldPlaceAsync(turn, row))
        {
            return false;
        }

        if (FactOf(row) is { } fact && await writer.ApplyAsync(turn, row.Run, fact) is { } refusal)
        {
            await CloseAsync(turn, row, refusal);
            return false;
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
            throw new StaleException($"work {row.Id:N} was taken by somebody else");
        }

        row.Fence++;
        row.Agent = agent.Id;
        row.State = WorkState.Claimed;
        return true;
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
        await turn.Db.Work.Where(w => w.Id == row.Id).ExecuteUpdateAsync(set => set.SetProperty(w => w.State, WorkState.Done));
        await turn.Db.GroupHolds.Where(h => h.Start == row.Id).ExecuteDeleteAsync();
        turn.Audit("server", "work.dropped", $"{row.Run:N}/{row.Workflow}/{row.Step}", $"it was queued, but the run says: {refusal}");
    }

    /// <summary>What of an agent's work has to be stopped, without what it knows of.</summary>
    public static List<StopOrder> StopsOf(IEnumerable<WorkRow> held, IReadOnlyCollection<WorkId> known) =>
    [
        .. from row in held
           where row.Stop is not null && !known.Contains(new WorkId(row.Id))
           select new StopOrder(new WorkId(row.Id), JsonSerializer.Deserialize(row.Stop!, StoredJson.Default.StopReason)!),
    ];
}
