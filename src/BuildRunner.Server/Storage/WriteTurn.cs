using BuildRunner.Server.Orchestration;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Storage;

/// <summary>One try of a write.</summary>
/// <param name="Database">Whose.</param>
/// <param name="Db">The tables, inside the transaction. Added rows are saved at its end.</param>
/// <param name="Now">The database's clock at its beginning.</param>
internal sealed record WriteTurn(Database Database, Db Db, DateTimeOffset Now)
{
    /// <summary>Who wants to know once it is committed.</summary>
    public List<Bell> Bells { get; } = [];

    private const int MaxAudited = 4000;
    private readonly HashSet<Guid> held = [];
    private readonly Dictionary<Guid, RunHead> heads = [];

    /// <summary>Adds a line to the audit log. What is longer than anybody reads is cut: agents write into it as often as they like.</summary>
    public void Audit(string actor, string action, string subject, string detail) =>
        Db.Add(new AuditRow { At = Now, Actor = actor, Action = action, Subject = Cut(subject), Detail = Cut(detail) });

    private static string Cut(string text) => text.Length <= MaxAudited ? text : text[..(char.IsHighSurrogate(text[MaxAudited - 1]) ? MaxAudited - 1 : MaxAudited)] + "…";

    /// <summary>Holds a run (<see cref="Database.Held"/>). What the turn holds it holds to its end: it is not asked for twice.</summary>
    /// <returns>The run as it is; null: there is none.</returns>
    public async Task<RunHead?> HoldAsync(Guid run)
    {
        if (heads.TryGetValue(run, out var known))
        {
            return known;
        }

        var source = held.Contains(run) ? Db.Runs.Where(r => r.Id == run) : Database.Held(Db, run, wait: true);
        var head = await source.Select(RunHead.Of).SingleOrDefaultAsync();
        held.Add(run);
        return head is null ? null : Keep(head);
    }

    /// <summary>As <see cref="HoldAsync"/>, unless somebody else holds it.</summary>
    /// <returns>False: somebody else writes about it at this moment.</returns>
    public async Task<bool> TryHoldAsync(Guid run)
    {
        if (held.Contains(run))
        {
            return true;
        }

        if (await Database.Held(Db, run, wait: false).Select(RunHead.Of).SingleOrDefaultAsync() is not { } head)
        {
            return false;
        }

        held.Add(run);
        Keep(head);
        return true;
    }

    /// <summary>Notes what this turn has made of a run that it holds, so that nobody reads it again.</summary>
    public RunHead Keep(RunHead head) => heads[head.Id] = head;

    /// <summary>An agent, held (<see cref="Database.HeldAgent"/>).</summary>
    public IQueryable<AgentRow> HeldAgent(Guid agent) => Database.HeldAgent(Db, agent);
}

/// <summary>Something to tell after a commit; lost with the process, and then found by looking. A closed hierarchy.</summary>
internal abstract record Bell
{
    private Bell()
    {
    }

    /// <summary>Work is due.</summary>
    /// <param name="Run">The run.</param>
    /// <param name="Work">The work.</param>
    /// <param name="Agent">The only agent for it; null: any that fits.</param>
    /// <param name="LabelSet">What it must have.</param>
    public sealed record Due(Guid Run, Guid Work, Guid? Agent, int LabelSet) : Bell;

    /// <summary>An agent has something to stop.</summary>
    public sealed record Stop(Guid Agent) : Bell;

    /// <summary>A run has changed.</summary>
    public sealed record Changed(Guid Run, long Version) : Bell;
}
