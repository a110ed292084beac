using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Storage;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Access;

/// <summary>What was done to BuildRunner, by whom.</summary>
internal sealed class AuditLog(Database database)
{
    /// <summary>A part of it, newest first.</summary>
    /// <param name="limit">How many at most.</param>
    /// <param name="before">Only those older than the entry of this id; null: from the newest on.</param>
    /// <param name="subject">Only those about this; null: all.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<List<AuditEntry>> ListAsync(int limit, long? before, string? subject, CancellationToken cancellationToken) => database.ReadAsync(
        db => db.Audit
            .Where(a => (before == null || a.Id < before) && (subject == null || a.Subject == subject))
            .OrderByDescending(a => a.Id)
            .Take(limit)
            .Select(a => new AuditEntry(a.Id, a.At, a.Actor, a.Action, a.Subject, a.Detail))
            .ToListAsync(cancellationToken),
        cancellationToken);
}
