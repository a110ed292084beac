using System.Globalization;
using System.Text.Json;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Secrets;

/// <summary>What people do with secrets: set, list, remove. Each of it is in the audit log; values never come back.</summary>
internal sealed class SecretRegister(Database database, SecretStore store, KeyRing keys)
{
    /// <summary>The secrets of one level, by name.</summary>
    public Task<List<SecretRow>> ListAsync(SecretLevel level, CancellationToken cancellationToken) => database.ReadAsync(
        db => db.Secrets.Where(s => s.Level == level.Nearness && s.Owner == level.Key).OrderBy(s => s.Key).ToListAsync(cancellationToken),
        cancellationToken);

    /// <summary>Sets a secret.</summary>
    /// <param name="level">For whom.</param>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its value; null: the value stays.</param>
    /// <param name="rules">Who gets it.</param>
    /// <param name="who">Who sets it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null: there is none of that name whose value could stay.</returns>
    public Task<SecretRow?> SetAsync(SecretLevel level, string name, string? value, SecretRules rules, string who, CancellationToken cancellationToken) =>
        database.WriteAsync(
            async turn =>
            {
                var key = name.ToLowerInvariant();
                if (value is not null)
                {
                    await store.SetAsync(turn, level, name, value, rules);
                    await turn.Db.SaveChangesAsync();
                }
                else
                {
                    var json = JsonSerializer.Serialize(rules, StoredJson.Default.SecretRules);
                    await turn.Db.Secrets.Where(s => s.Level == level.Nearness && s.Owner == level.Key && s.Key == key).ExecuteUpdateAsync(set => set
                        .SetProperty(s => s.Rules, json)
                        .SetProperty(s => s.UpdatedAt, turn.Now));
                }

                turn.Audit(who, value is null ? "secret.rules_changed" : "secret.set", $"{level} {name}", "");
                return await turn.Db.Secrets.SingleOrDefaultAsync(s => s.Level == level.Nearness && s.Owner == level.Key && s.Key == key);
            },
            cancellationToken);

    /// <summary>Removes a secret.</summary>
    /// <returns>False: there was none of that name.</returns>
    public Task<bool> RemoveAsync(SecretLevel level, string name, string who, CancellationToken cancellationToken) => database.WriteAsync(
        async turn =>
        {
            var removed = await SecretStore.DeleteAsync(turn, level, name);
            if (removed)
            {
                turn.Audit(who, "secret.removed", $"{level} {name}", "");
            }

            return removed;
        },
        cancellationToken);

    /// <summary>Seals everything that an earlier master key sealed with the current one. Afterwards the earlier ones may go.</summary>
    /// <returns>How many values were sealed anew.</returns>
    public async Task<int> RotateAsync(string who, CancellationToken cancellationToken)
    {
        var count = 0;
        var secrets = await database.ReadAsync(db => db.Secrets.Where(s => s.KeyId != keys.CurrentId).ToListAsync(cancellationToken), cancellationToken);
        foreach (var secret in secrets)
        {
            count += await SwapAsync(secret, cancellationToken);
        }

        var registries = await database.ReadAsync(db => db.Registries.Where(r => r.KeyId != keys.CurrentId).ToListAsync(cancellationToken), cancellationToken);
        foreach (var registry in registries)
        {
            count += await SwapAsync(registry, cancellationToken);
        }

        await database.WriteAsync(
            turn =>
            {
                turn.Audit(who, "secret.rotated", keys.CurrentId, count.ToString(CultureInfo.InvariantCulture));
                return Task.CompletedTask;
            },
            cancellationToken);
        return count;
    }

    private Task<int> SwapAsync(SecretRow row, CancellationToken cancellationToken)
    {
        var place = SecretStore.LevelOf(row).Place(row.Name);
        var anew = keys.Seal(keys.Open(row.Sealed, place), place);
        return database.WriteAsync(
            turn => turn.Db.Secrets.Where(s => s.Id == row.Id && s.UpdatedAt == row.UpdatedAt).ExecuteUpdateAsync(set => set
                .SetProperty(s => s.Sealed, anew)
                .SetProperty(s => s.KeyId, keys.CurrentId)),
            cancellationToken);
    }

    private Task<int> SwapAsync(RegistryRow row, CancellationToken cancellationToken)
    {
        var place = RegistryStore.Place(row.Level, row.Owner, row.Host);
        var anew = keys.Seal(keys.Open(row.Sealed, place), place);
        return database.WriteAsync(
            turn => turn.Db.Registries.Where(r => r.Id == row.Id && r.UpdatedAt == row.UpdatedAt).ExecuteUpdateAsync(set => set
                .SetProperty(r => r.Sealed, anew)
                .SetProperty(r => r.KeyId, keys.CurrentId)),
            cancellationToken);
    }
}
