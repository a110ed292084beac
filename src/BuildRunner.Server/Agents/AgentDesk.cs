using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Agents;

/// <summary>Agents as an administrator sees them, and what he does to them.</summary>
internal sealed class AgentDesk(Database database, CellLabels cells, DispatchOptions options)
{
    /// <summary>All agents, by name.</summary>
    public Task<List<AgentInfo>> ListAsync(CancellationToken cancellationToken) => database.ReadAsync(
        async db =>
        {
            var now = await database.NowAsync(db);
            var busy = await BusyAsync(db, cancellationToken);
            return (await db.Agents.OrderBy(a => a.Name).ToListAsync(cancellationToken)).ConvertAll(a => Info(a, busy[a.Id], now));
        },
        cancellationToken);

    /// <summary>One agent; null: there is none of that name.</summary>
    public async Task<AgentInfo?> FindAsync(string name, CancellationToken cancellationToken) =>
        (await ListAsync(cancellationToken)).Find(a => a.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Tells an agent to take nothing new, or to take work again.</summary>
    /// <returns>False: there is none of that name.</returns>
    public Task<bool> DrainAsync(string name, bool drain, string who, CancellationToken cancellationToken) => database.WriteAsync(
        async turn =>
        {
            if (await turn.Db.Agents.Where(a => a.Name == name).Select(a => (Guid?)a.Id).SingleOrDefaultAsync() is not { } id)
            {
                return false;
            }

            await turn.Db.Agents.Where(a => a.Id == id).ExecuteUpdateAsync(set => set.SetProperty(a => a.Drain, drain));
            turn.Audit(who, drain ? "agent.drained" : "agent.resumed", name, "");
            turn.Bells.Add(new Bell.Stop(id));
            return true;
        },
        cancellationToken);

    /// <summary>Removes an agent: from now on its credential opens nothing. What it holds is given away or lost when its leases end.</summary>
    /// <returns>Null if it was removed; otherwise why not.</returns>
    public Task<string?> RemoveAsync(string name, string who, CancellationToken cancellationToken) => database.WriteAsync<string?>(
        async turn =>
        {
            if (await turn.Db.Agents.Where(a => a.Name == name && a.Embedded).AnyAsync())
            {
                return "it runs in the server's process; set Server:EmbeddedAgent to false and restart the server";
            }

            turn.Audit(who, "agent.removed", name, "");
            await turn.Db.Agents.Where(a => a.Name == name).ExecuteDeleteAsync();
            return null;
        },
        cancellationToken);

    private async Task<ILookup<Guid, string>> BusyAsync(Db db, CancellationToken cancellationToken)
    {
        var rows = await (
            from work in db.Work
            where work.State == WorkState.Claimed || work.State == WorkState.Started
            join run in db.Runs on work.Run equals run.Id
            join repository in db.Repositories on work.Repository equals repository.Id
            orderby work.QueuedAt
            select new { Agent = work.Agent!.Value, work.Run, repository.Name, run.Number, work.Workflow, work.Step, work.Kind }).ToListAsync(cancellationToken);
        var told = new List<(Guid Agent, string Text)>(rows.Count);
        foreach (var r in rows)
        {
            told.Add((r.Agent, $"{r.Name}#{r.Number} {await cells.OfAsync(db, r.Run, r.Workflow)}{(r.Kind == WorkKind.Step ? "/" + r.Step : "")}"));
        }

        return told.ToLookup(t => t.Agent, t => t.Text);
    }

    private AgentInfo Info(AgentRow row, IEnumerable<string> running, DateTimeOffset now)
    {
        var online = row.LastSeen > now - options.Times.Lease;
        var busy = running.ToList();
        var (state, reason) = (online, row) switch
        {
            (false, { LastSeen: null }) => ("offline", "it has never called"),
            (false, _) => ("offline", row.Unready ?? $"its last call was {Core.Runs.Durations.Text(now - row.LastSeen!.Value)} ago"),
            (true, { Drain: true }) when busy.Count > 0 => ("draining", "an administrator wants it to finish"),
            (true, { Drain: true }) => ("drained", "an administrator wants it to take nothing"),
            (true, { Unready: { } why }) => ("unready", why),
            _ => ("online", null),
        };
        return new AgentInfo
        {
            Name = row.Name,
            State = state,
            Reason = reason,
            Embedded = row.Embedded,
            Slots = row.Slots,
            Running = busy,
            Labels = Labels.OfAgent(row.Labels, row.Facts),
            Version = row.Version,
            FreeDisk = row.FreeDisk,
            LastSeen = row.LastSeen,
        };
    }
}
