using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Triggers;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Forge;

/// <summary>Which repository here is which one at the forge. By the forge's number: a name can be another repository's tomorrow.</summary>
internal sealed class ForgeRepositories(Database database)
{
    /// <summary>The repository with the forge's number; null: it is not known here.</summary>
    public Task<LinkedRepository?> FindAsync(long forgeId, CancellationToken cancellationToken) => database.ReadAsync(
        async db => await (
            from link in db.ForgeRepositories
            join repository in db.Repositories on link.Repository equals repository.Id
            where link.ForgeId == forgeId
            select new LinkedRepository(repository, link)).SingleOrDefaultAsync(cancellationToken),
        cancellationToken);

    /// <summary>What a repository is at its forge; null: it has none.</summary>
    public Task<ForgeRepositoryRow?> OfAsync(Guid repository, CancellationToken cancellationToken) =>
        database.ReadAsync(db => db.ForgeRepositories.SingleOrDefaultAsync(f => f.Repository == repository, cancellationToken), cancellationToken);

    /// <summary>Notes what a repository is at its forge, or what has changed about that.</summary>
    public Task LinkAsync(Guid repository, ForgeRepository seen, CancellationToken cancellationToken) => database.WriteAsync(
        async turn =>
        {
            var row = await turn.Db.ForgeRepositories.AsTracking().SingleOrDefaultAsync(f => f.Repository == repository);
            if (row is null)
            {
                row = new ForgeRepositoryRow { Repository = repository, ForgeId = seen.Id, Owner = seen.Owner, FullName = seen.FullName, Private = seen.Private };
                turn.Db.Add(row);
            }

            row.ForgeId = seen.Id;
            row.Owner = seen.Owner;
            row.FullName = seen.FullName;
            row.Private = seen.Private;
            row.Installation = seen.Installation ?? row.Installation;
        },
        cancellationToken);

    /// <summary>Notes what an event told about a repository that is known, and which branch is its default one.</summary>
    public async Task NoteAsync(LinkedRepository known, ForgeRepository seen, CancellationToken cancellationToken)
    {
        var (row, link) = known;
        if (link.FullName != seen.FullName || link.Owner != seen.Owner || link.Private != seen.Private || (seen.Installation is { } installation && link.Installation != installation))
        {
            await LinkAsync(row.Id, seen, cancellationToken);
        }

        if (row.DefaultBranch != seen.DefaultBranch && seen.DefaultBranch.Length > 0)
        {
            await database.WriteAsync(
                turn => turn.Db.Repositories.Where(r => r.Id == row.Id).ExecuteUpdateAsync(set => set.SetProperty(r => r.DefaultBranch, seen.DefaultBranch)), cancellationToken);
        }
    }

    /// <summary>An installation is gone, or is there again.</summary>
    /// <param name="installation">Which.</param>
    /// <param name="forgeIds">Of these repositories; empty: of all.</param>
    /// <param name="present">Whether it is there.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task InstallationAsync(long installation, IReadOnlyList<long> forgeIds, bool present, CancellationToken cancellationToken)
    {
        long? value = present ? installation : null;
        return database.WriteAsync(
            turn => turn.Db.ForgeRepositories
                .Where(f => (f.Installation == installation && forgeIds.Count == 0) || forgeIds.Contains(f.ForgeId))
                .ExecuteUpdateAsync(set => set.SetProperty(f => f.Installation, value)),
            cancellationToken);
    }
}

/// <summary>A repository, and what it is at its forge.</summary>
internal sealed record LinkedRepository(RepositoryRow Repository, ForgeRepositoryRow Link)
{
    /// <summary>Where the forge is asked about it.</summary>
    public ForgePlace Place => new(Link.ForgeId, Link.FullName, Link.Installation);
}
