using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Telemetry;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>Hands out work, in one transaction with what becomes of it.</summary>
internal sealed class Claims(Database database, Takings takings, WorkItems items, LabelSets sets, Doorbells bells, Remotes remotes, DispatchOptions options, TimeProvider time)
{
    /// <summary>Answers a claim: at once if there is something to take or to stop, otherwise when there is, or when the time is up.</summary>
    public async Task<ClaimResponse> ClaimAsync(Guid agent, ClaimRequest request, CancellationToken cancellationToken)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var others = new HashSet<int>();
            using var waiter = bells.Listen(agent, request.FreeSlots > 0 ? set => MayFit(others, set) : null, request.Session, request.Number);
            if (waiter.GivenUp)
            {
                return new ClaimResponse { Work = [] };
            }

            var looked = time.GetTimestamp();
            var answer = await database.WriteAsync(turn => TryAsync(turn, agent, request, others), cancellationToken);
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

    // What does not fit is known once the look is done. A set that is made after it may fit, because being woken for nothing costs little.
    private static bool MayFit(HashSet<int> others, int set)
    {
        lock (others)
        {
            return !others.Contains(set);
        }
    }

    private async Task<ClaimResponse> TryAsync(WriteTurn turn, Guid agentId, ClaimRequest request, HashSet<int> others)
    {
        // One claim of an agent after the other, on every server: the second of two with one id has to see what the first was given, so that is asked for afterwards.
        // A count without a condition would be a statement of its own.
        var claimant = await turn.HeldAgent(agentId)
            .Select(a => new Claimant(a, turn.Db.LabelSets.Count(s => s.Labels != null), turn.Db.Settings.Any(s => s.Key == Candidates.PausedKey)))
            .SingleAsync();
        if (IsGivenUp(claimant.Agent, request))
        {
            // Something between us and the agent keeps it waiting; whatever it was given nobody would do until its lease ends.
            return new ClaimResponse { Work = [] };
        }

        var fit = await sets.FitAsync(turn.Db, claimant.LabelSets, Labels.OfAgent(claimant.Agent.Labels, claimant.Agent.Facts));
        lock (others)
        {
            others.Clear();
            others.UnionWith(fit.Others);
        }

        var (held, pinned) = await Candidates.OfAgentAsync(turn, agentId);
        var given = held.Where(w => w.Claim == request.Claim && w.State == WorkState.Claimed).ToList();
        var taken = given.Count == 0 ? await takings.TakeAsync(turn, claimant, request, held, pinned, fit.Fitting) : [];
        await NoteAsync(turn, claimant.Agent, request, taken.Count > 0);
        var work = new List<WorkItem>();
        foreach (var row in given.Concat(taken))
        {
            work.Add(await items.MakeAsync(turn, row));
        }

        return new ClaimResponse { Work = work, Stops = StopsOf(held, request.Stopping) };
    }

    // Of a process that is gone, or before one that was given work already: its agent has gone on to the next, and does not listen to this one any more.
    private static bool IsGivenUp(AgentRow agent, ClaimRequest request) =>
        request.Session is { } session && agent.Session is { } present && (session != present || request.Number < agent.ServedClaim);

    // That it was heard of is written at most once between two heartbeats, which write it too.
    private async Task NoteAsync(WriteTurn turn, AgentRow agent, ClaimRequest request, bool served)
    {
        var silent = agent.LastSeen is null || agent.LastSeen < turn.Now - options.Times.HeartbeatEvery;
        var counts = served && request.Session is not null && request.Number > 0;
        if (silent || counts)
        {
            var (seen, number) = (silent ? turn.Now : agent.LastSeen, counts ? request.Number : agent.ServedClaim);
            await turn.Db.Agents.Where(a => a.Id == agent.Id).ExecuteUpdateAsync(set => set.SetProperty(a => a.LastSeen, seen).SetProperty(a => a.ServedClaim, number));
        }
    }

    /// <summary>What of an agent's work has to be stopped, without what it knows of.</summary>
    public static List<StopOrder> StopsOf(IEnumerable<WorkRow> held, IReadOnlyCollection<WorkId> known) =>
    [
        .. from row in held
           where row.Stop is not null && !known.Contains(new WorkId(row.Id))
           select new StopOrder(new WorkId(row.Id), JsonSerializer.Deserialize(row.Stop!, StoredJson.Default.StopReason)!),
    ];
}

/// <summary>Who claims.</summary>
/// <param name="Agent">The agent, held.</param>
/// <param name="LabelSets">How many sets of labels there are.</param>
/// <param name="Paused">Whether the queue is paused.</param>
internal sealed record Claimant(AgentRow Agent, int LabelSets, bool Paused);
