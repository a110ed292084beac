using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Storage;

/// <summary>Sees to it that a job is done by one server of an installation at a time. By the database's clock.</summary>
internal sealed class JobLease(Database database, string name)
{
    private static readonly TimeSpan Length = TimeSpan.FromSeconds(15);
    private readonly Guid holder = Guid.NewGuid();
    private DateTimeOffset renewAt = DateTimeOffset.MinValue;

    /// <summary>Whether this server has the job now. Another one has it soon after this one stops asking.</summary>
    public async Task<bool> HasAsync(CancellationToken cancellationToken)
    {
        if (!database.IsShared)
        {
            return true;
        }

        var now = await database.ReadAsync(database.NowAsync, cancellationToken);
        if (now < renewAt)
        {
            return true;
        }

        var has = await database.WriteAsync(TakeAsync, cancellationToken);
        renewAt = has ? now + (Length / 2) : DateTimeOffset.MinValue;
        return has;
    }

    private async Task<bool> TakeAsync(WriteTurn turn)
    {
        var until = turn.Now + Length;
        var taken = await turn.Db.Leases
            .Where(l => l.Name == name && (l.Holder == holder || l.Until < turn.Now))
            .ExecuteUpdateAsync(set => set.SetProperty(l => l.Holder, holder).SetProperty(l => l.Until, until));
        if (taken == 0 && !await turn.Db.Leases.AnyAsync(l => l.Name == name))
        {
            turn.Db.Add(new LeaseRow { Name = name, Holder = holder, Until = until });
            return true;
        }

        return taken == 1;
    }
}
