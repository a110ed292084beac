using System.Globalization;
using System.Text;
using BuildRunner.Core.AgentContract;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Secrets;

/// <summary>Credentials for registries: given to agents with the work, for their pulls; never to a step, and never back to people.</summary>
internal sealed class RegistryStore(Database database, KeyRing keys)
{
    /// <summary>Those of one level, by host.</summary>
    public Task<List<RegistryRow>> ListAsync(SecretLevel level, CancellationToken cancellationToken) => database.ReadAsync(
        db => db.Registries.Where(r => r.Level == level.Nearness && r.Owner == level.Key).OrderBy(r => r.Host).ToListAsync(cancellationToken),
        cancellationToken);

    /// <summary>Sets the credentials for a host.</summary>
    public Task<RegistryRow> SetAsync(SecretLevel level, string host, string user, string password, string who, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async turn =>
            {
                await turn.Db.Registries.Where(r => r.Level == level.Nearness && r.Owner == level.Key && r.Host == host).ExecuteDeleteAsync();
                var row = new RegistryRow
                {
                    Id = Guid.CreateVersion7(turn.Now),
                    Level = level.Nearness,
                    Owner = level.Key,
                    Host = host,
                    User = user,
                    Sealed = keys.Seal(Encoding.UTF8.GetBytes(password), Place(level.Nearness, level.Key, host)),
                    KeyId = keys.CurrentId,
                    UpdatedAt = turn.Now,
                };
                turn.Db.Add(row);
                turn.Audit(who, "registry.set", $"{level} {host}", user);
                return row;
            },
            cancellationToken);

    /// <summary>Removes the credentials for a host.</summary>
    /// <returns>False: there were none.</returns>
    public Task<bool> RemoveAsync(SecretLevel level, string host, string who, CancellationToken cancellationToken) => database.WriteAsync(
        async turn =>
        {
            var removed = await turn.Db.Registries.Where(r => r.Level == level.Nearness && r.Owner == level.Key && r.Host == host).ExecuteDeleteAsync() > 0;
            if (removed)
            {
                turn.Audit(who, "registry.removed", $"{level} {host}", "");
            }

            return removed;
        },
        cancellationToken);

    /// <summary>What the pulls of a repository's runs may use: of each host the nearest one.</summary>
    public async Task<IReadOnlyList<RegistryAccess>> OfAsync(Db db, Guid repository, string repositoryName)
    {
        var own = repository.ToString("N", CultureInfo.InvariantCulture);
        var organisation = repositoryName.Split('/')[0].ToLowerInvariant();
        var rows = await db.Registries
            .Where(r => r.Level == 0 || (r.Level == 1 && r.Owner == organisation) || (r.Level == 2 && r.Owner == own))
            .ToListAsync();
        return
        [
            .. from row in rows
               group row by row.Host into ofHost
               let nearest = ofHost.MaxBy(r => r.Level)!
               select new RegistryAccess(nearest.Host, nearest.User, Encoding.UTF8.GetString(keys.Open(nearest.Sealed, Place(nearest.Level, nearest.Owner, nearest.Host)))),
        ];
    }

    /// <summary>What a sealed password is bound to.</summary>
    internal static byte[] Place(int level, string owner, string host) => Encoding.UTF8.GetBytes($"registry\0{level}\0{owner}\0{host}");
}
