using System.Globalization;
using System.Text;
using System.Text.Json;
using BuildRunner.Core.Planning;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Triggers;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Secrets;

/// <summary>Keeps secrets sealed, and opens those that a step may have when its work is handed out.</summary>
internal sealed class SecretStore(KeyRing keys)
{
    /// <summary>Stores a secret; one of that name is replaced.</summary>
    public async Task SetAsync(WriteTurn turn, SecretLevel level, string name, string value, SecretRules rules)
    {
        var key = name.ToLowerInvariant();
        await DeleteAsync(turn, level, name);
        turn.Db.Add(new SecretRow
        {
            Id = Guid.CreateVersion7(turn.Now),
            Level = level.Nearness,
            Owner = level.Key,
            Name = name,
            Key = key,
            Sealed = keys.Seal(Encoding.UTF8.GetBytes(value), level.Place(name)),
            KeyId = keys.CurrentId,
            Rules = JsonSerializer.Serialize(rules, StoredJson.Default.SecretRules),
            UpdatedAt = turn.Now,
        });
    }

    /// <summary>Removes a secret.</summary>
    /// <returns>False if there was none of that name.</returns>
    public static async Task<bool> DeleteAsync(WriteTurn turn, SecretLevel level, string name)
    {
        var key = name.ToLowerInvariant();
        return await turn.Db.Secrets.Where(s => s.Level == level.Nearness && s.Owner == level.Key && s.Key == key).ExecuteDeleteAsync() > 0;
    }

    /// <summary>The secrets that a repository may see, its own, its organisation's and the installation's; sealed.</summary>
    public static async Task<List<StoredSecret>> OfAsync(Db db, Guid repository, string repositoryName)
    {
        var own = repository.ToString("N", CultureInfo.InvariantCulture);
        var organisation = repositoryName.Split('/')[0].ToLowerInvariant();
        var rows = await db.Secrets
            .Where(s => s.Level == 0 || (s.Level == 1 && s.Owner == organisation) || (s.Level == 2 && s.Owner == own))
            .ToListAsync();
        return [.. rows.Select(Stored)];
    }

    /// <summary>What a step gets of the candidates, opened.</summary>
    public OpenedSecrets Open(IReadOnlyCollection<StoredSecret> candidates, StepPlan step, RunEvent runEvent, TrustDecision trust)
    {
        var grants = GrantsOf(candidates, step, runEvent, trust);
        var values = grants.Granted.ToDictionary(
            g => g.Key,
            g => Encoding.UTF8.GetString(keys.Open(g.Value.Sealed.Span, g.Value.Level.Place(g.Value.Name))),
            StringComparer.Ordinal);
        return new OpenedSecrets(values, grants.Refused) { Opened = [.. grants.Granted.Values.Select(g => g.Id)] };
    }

    /// <summary>Which of the candidates a step gets, and why it does not get others that it names. Nothing is opened.</summary>
    public static SecretGrants GrantsOf(IReadOnlyCollection<StoredSecret> candidates, StepPlan step, RunEvent runEvent, TrustDecision trust) =>
        SecretPolicy.Select(SecretNames.Of(step), candidates, new SecretAudience
        {
            Repository = runEvent.Repository is { Length: > 0 } repository ? repository : null,
            Event = runEvent.Kind,

            // A release's branch is what somebody wrote into it: its tag may be of any commit. So with every event whose commit was not seen on its branch.
            Branch = runEvent.Kind == "release" || trust.BranchUnproven ? "" : runEvent.Branch,
            Withheld = trust.SecretsWithheld,
            Image = step.Image,

            // By what it is, not by what it lacks: a variable of one's own (a loader's, a shell's) or a health check runs as much as a command does.
            RunsImageAsItIs = step is { Kind: StepKind.Plugin, HealthCheck: null },
        });

    /// <summary>Notes that secrets are handed out. To the minute: many steps at once shall not wait for each other here.</summary>
    public static async Task NoteUseAsync(WriteTurn turn, OpenedSecrets opened)
    {
        if (opened.Opened.Count > 0)
        {
            DateTimeOffset? now = turn.Now;
            var before = turn.Now - TimeSpan.FromMinutes(1);
            await turn.Db.Secrets.Where(s => opened.Opened.Contains(s.Id) && (s.LastUsedAt == null || s.LastUsedAt < before))
                .ExecuteUpdateAsync(set => set.SetProperty(s => s.LastUsedAt, now));
        }
    }

    /// <summary>For whom a stored secret is.</summary>
    internal static SecretLevel LevelOf(SecretRow row) => row.Level switch
    {
        0 => new SecretLevel.Installation(),
        1 => new SecretLevel.Organisation(row.Owner),
        _ => new SecretLevel.Repository(Guid.ParseExact(row.Owner, "N")),
    };

    private static StoredSecret Stored(SecretRow row) =>
        new(LevelOf(row), row.Name, row.Sealed, JsonSerializer.Deserialize(row.Rules, StoredJson.Default.SecretRules)!) { Id = row.Id };
}

/// <summary>Secrets for one step.</summary>
/// <param name="Values">By name.</param>
/// <param name="Withheld">Those it names and does not get, by name: why.</param>
internal sealed record OpenedSecrets(IReadOnlyDictionary<string, string> Values, IReadOnlyDictionary<string, string> Withheld)
{
    /// <summary>The rows of those it gets.</summary>
    public IReadOnlyList<Guid> Opened { get; init; } = [];
}
