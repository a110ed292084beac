using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Dispatch;

/// <summary>Renews what agents hold, by the database's clock.</summary>
internal sealed class Leases(Database database, DispatchOptions options)
{
    private const int MaxUnready = 500;

    /// <summary>An agent is alive.</summary>
    public Task<HeartbeatResponse> RenewAsync(Guid agentId, HeartbeatRequest request, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async turn =>
            {
                var agent = await turn.Db.Agents.SingleAsync(a => a.Id == agentId);
                DateTimeOffset? now = turn.Now;

                // It is shown to everybody whose work waits for the agent.
                var unready = request.Unready is { } why ? new string([.. why.Where(c => !char.IsControl(c)).Take(MaxUnready)]) : null;
                await turn.Db.Agents.Where(a => a.Id == agentId).ExecuteUpdateAsync(set => set
                    .SetProperty(a => a.LastSeen, now)
                    .SetProperty(a => a.FreeDisk, request.FreeDisk)
                    .SetProperty(a => a.Unready, unready));
                var held = await turn.Db.OpenWork.Where(w => w.Agent == agentId && (w.State == WorkState.Claimed || w.State == WorkState.Started)).ToListAsync();
                var renewed = held.Where(w => request.Work.Contains(new LeaseRenewal(new WorkId(w.Id), w.Fence))).ToList();
                await ExtendAsync(turn, agentId, renewed);
                return new HeartbeatResponse
                {
                    Refused = [.. request.Work.Where(w => !renewed.Exists(r => r.Id == w.Work.Value)).Select(w => w.Work)],
                    Stops = Claims.StopsOf(renewed, []),
                    Drain = agent.Drain,
                };
            },
            cancellationToken);

    private async Task ExtendAsync(WriteTurn turn, Guid agent, List<WorkRow> renewed)
    {
        DateTimeOffset? until = turn.Now + options.Times.Lease;
        var ids = renewed.Select(w => w.Id).ToList();
        if (ids.Count > 0)
        {
            await turn.Db.OpenWork
                .Where(w => ids.Contains(w.Id) && w.Agent == agent && (w.State == WorkState.Claimed || w.State == WorkState.Started))
                .ExecuteUpdateAsync(set => set.SetProperty(w => w.LeaseUntil, until));
        }
    }
}
