using System.Globalization;
using System.Text.Json;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Webhooks;
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
                await RunDiagnostics.LookAgainAsync(turn, level);
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
    /// <exception cref="SecretException">The key of one of them is not here; those before it are sealed anew already, and the call may be repeated.</exception>
    public async Task<int> RotateAsync(string who, CancellationToken cancellationToken)
    {
        var count = await database.WriteAsync(SecretsAsync, cancellationToken) + await database.WriteAsync(RegistriesAsync, cancellationToken)
            + await database.WriteAsync(RepositoriesAsync, cancellationToken) + await database.WriteAsync(HooksAsync, cancellationToken)
            + await database.WriteAsync(turn => Forge.GitHubApps.RotateAsync(turn, keys), cancellationToken);
        await database.WriteAsync(
            turn =>
            {
                turn.Audit(who, "secret.rotated", keys.CurrentId, count.ToString(CultureInfo.InvariantCulture));
                return Task.CompletedTask;
            },
            cancellationToken);
        return count;
    }

    private async Task<int> SecretsAsync(WriteTurn turn)
    {
        var rows = await turn.Db.Secrets.AsTracking().Where(s => s.KeyId != keys.CurrentId).ToListAsync();
        foreach (var row in rows)
        {
            row.Sealed = Anew(row.Sealed, SecretStore.LevelOf(row).Place(row.Name)) ?? row.Sealed;
            row.KeyId = keys.CurrentId;
        }

        return rows.Count;
    }

    private async Task<int> RegistriesAsync(WriteTurn turn)
    {
        var rows = await turn.Db.Registries.AsTracking().Where(r => r.KeyId != keys.CurrentId).ToListAsync();
        foreach (var row in rows)
        {
            row.Sealed = Anew(row.Sealed, RegistryStore.Place(row.Level, row.Owner, row.Host)) ?? row.Sealed;
            row.KeyId = keys.CurrentId;
        }

        return rows.Count;
    }

    private async Task<int> RepositoriesAsync(WriteTurn turn)
    {
        var count = 0;
        foreach (var row in await turn.Db.Repositories.AsTracking().Where(r => r.Credential != null).ToListAsync())
        {
            if (Anew(row.Credential, Repositories.RepositoryStore.Place(row.Id)) is { } box)
            {
                row.Credential = box;
                count++;
            }
        }

        return count;
    }

    private async Task<int> HooksAsync(WriteTurn turn)
    {
        var count = 0;
        foreach (var row in await turn.Db.Hooks.AsTracking().ToListAsync())
        {
            var (secret, previous) = (Anew(row.Secret, Hooks.Place(row.Id)), Anew(row.PreviousSecret, Hooks.Place(row.Id)));
            count += (secret is null ? 0 : 1) + (previous is null ? 0 : 1);
            row.Secret = secret ?? row.Secret;
            row.PreviousSecret = previous ?? row.PreviousSecret;
        }

        return count;
    }

    // Null: there is nothing, or the current key sealed it.
    private byte[]? Anew(byte[]? box, byte[] place) => box is null ? null : keys.Reseal(box, place);
}
