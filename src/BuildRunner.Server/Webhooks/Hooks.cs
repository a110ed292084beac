using System.Text;
using System.Text.Json;
using BuildRunner.Core.ApiContract;
using BuildRunner.Server.Secrets;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Webhooks;

/// <summary>Endpoints for webhooks of one's own: their settings, and their secrets, sealed.</summary>
internal sealed class Hooks(Database database, KeyRing keys)
{
    /// <summary>The endpoint of that name; null: there is none.</summary>
    public Task<HookRow?> FindAsync(string name, CancellationToken cancellationToken) =>
        database.ReadAsync(db => db.Hooks.SingleOrDefaultAsync(h => h.Name == name, cancellationToken), cancellationToken);

    /// <summary>Those of a repository, by name.</summary>
    public Task<List<HookRow>> OfAsync(Guid repository, CancellationToken cancellationToken) =>
        database.ReadAsync(db => db.Hooks.Where(h => h.Repository == repository).OrderBy(h => h.Name).ToListAsync(cancellationToken), cancellationToken);

    /// <summary>Makes an endpoint, or changes one.</summary>
    /// <returns>The endpoint and the secret that was made for it, if one was; no endpoint: the name is taken by another repository.</returns>
    public async Task<(HookRow? Hook, string? Secret)> SetAsync(Guid repository, string name, SetHook wanted, string who, CancellationToken cancellationToken)
    {
        var settings = JsonSerializer.Serialize(wanted.Settings, ApiJson.Default.HookSettings);
        var made = wanted.Secret is null ? WebhookSecret.Generate() : null;
        return await database.WriteAsync<(HookRow?, string?)>(
            async turn =>
            {
                var row = await turn.Db.Hooks.AsTracking().SingleOrDefaultAsync(h => h.Name == name);
                if (row is not null && row.Repository != repository)
                {
                    return (null, null);
                }

                var id = row?.Id ?? Guid.CreateVersion7(turn.Now);
                var secret = wanted.Secret ?? (row?.Secret is null ? made : null);
                if (row is null)
                {
                    row = new HookRow { Id = id, Name = name, Repository = repository, Settings = settings, Enabled = wanted.Enabled, CreatedAt = turn.Now };
                    turn.Db.Add(row);
                }

                row.Settings = settings;
                row.Enabled = wanted.Enabled;
                row.Secret = secret is null ? row.Secret : Seal(id, secret);
                turn.Audit(who, "hook.set", name, wanted.Enabled ? "enabled" : "disabled");
                return (row, secret == made ? made : null);
            },
            cancellationToken);
    }

    /// <summary>Gives an endpoint a new secret; the one before it counts until the next rotation.</summary>
    /// <returns>Null: there is no such endpoint.</returns>
    public Task<(HookRow Hook, string Secret)?> RotateAsync(Guid repository, string name, string who, CancellationToken cancellationToken)
    {
        var made = WebhookSecret.Generate();
        return database.WriteAsync<(HookRow, string)?>(
            async turn =>
            {
                if (await turn.Db.Hooks.AsTracking().SingleOrDefaultAsync(h => h.Name == name && h.Repository == repository) is not { } row)
                {
                    return null;
                }

                row.PreviousSecret = row.Secret;
                row.Secret = Seal(row.Id, made);
                turn.Audit(who, "hook.rotated", name, "");
                return (row, made);
            },
            cancellationToken);
    }

    /// <summary>Removes an endpoint.</summary>
    public Task<bool> RemoveAsync(Guid repository, string name, string who, CancellationToken cancellationToken) => database.WriteAsync(
        async turn =>
        {
            var removed = await turn.Db.Hooks.Where(h => h.Repository == repository && h.Name == name).ExecuteDeleteAsync() > 0;
            if (removed)
            {
                await RefusedDeliveries.ForgetAsync(turn, [name]);
                turn.Audit(who, "hook.removed", name, "");
            }

            return removed;
        },
        cancellationToken);

    /// <summary>Notes that a delivery came.</summary>
    public Task TouchAsync(Guid id, CancellationToken cancellationToken) => database.WriteAsync(
        turn =>
        {
            DateTimeOffset? now = turn.Now;
            return turn.Db.Hooks.Where(h => h.Id == id).ExecuteUpdateAsync(set => set.SetProperty(h => h.LastDeliveryAt, now));
        },
        cancellationToken);

    /// <summary>What an endpoint takes.</summary>
    public static HookSettings SettingsOf(HookRow row) => JsonSerializer.Deserialize(row.Settings, ApiJson.Default.HookSettings)!;

    /// <summary>The secrets that count now.</summary>
    public IReadOnlyList<WebhookSecret> SecretsOf(HookRow row) =>
        [.. new[] { row.Secret, row.PreviousSecret }.OfType<byte[]>().Select(box => Open(row.Id, box))];

    private WebhookSecret Open(Guid id, byte[] box) => WebhookSecret.TryParse(Encoding.UTF8.GetString(keys.Open(box, Place(id))), out var secret, out var problem)
        ? secret
        : throw new InvalidOperationException(problem);

    private byte[] Seal(Guid id, string secret) => keys.Seal(Encoding.UTF8.GetBytes(secret), Place(id));

    /// <summary>What a sealed secret is bound to.</summary>
    internal static byte[] Place(Guid id) => Encoding.UTF8.GetBytes($"hook\n{id:N}");
}
