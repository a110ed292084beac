using System.Text.Json;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Schedules;

/// <summary>Schedules and their occurrences. This is the truth about them; what fires them only looks here (promise G10).</summary>
internal sealed class ScheduleStore(Database database)
{
    private const int Shown = 10;

    /// <summary>Called after a schedule was made, changed or removed at this server.</summary>
    public event Action? Changed;

    /// <summary>Those of a repository, by name.</summary>
    public Task<List<ScheduleRow>> OfAsync(Guid repository, CancellationToken cancellationToken) =>
        database.ReadAsync(db => db.Schedules.Where(s => s.Repository == repository).OrderBy(s => s.Name).ToListAsync(cancellationToken), cancellationToken);

    /// <summary>The one of that name; null: there is none.</summary>
    public Task<ScheduleRow?> FindAsync(Guid repository, string name, CancellationToken cancellationToken) =>
        database.ReadAsync(db => db.Schedules.SingleOrDefaultAsync(s => s.Repository == repository && s.Name == name, cancellationToken), cancellationToken);

    /// <summary>Every schedule that is not paused.</summary>
    public Task<List<ScheduleRow>> EnabledAsync(CancellationToken cancellationToken) =>
        database.ReadAsync(db => db.Schedules.Where(s => s.Enabled).ToListAsync(cancellationToken), cancellationToken);

    /// <summary>The latest occurrences of schedules, newest first, with the number of the run that each made.</summary>
    public async Task<ILookup<Guid, (ScheduleFireRow Fire, int? Run)>> FiresAsync(IReadOnlyList<Guid> schedules, CancellationToken cancellationToken)
    {
        var all = new List<(ScheduleFireRow Fire, int? Run)>();
        foreach (var schedule in schedules)
        {
            var rows = await database.ReadAsync(
                db => (
                    from fire in db.ScheduleFires
                    where fire.Schedule == schedule
                    join run in db.Runs on fire.Run equals run.Id into made
                    from run in made.DefaultIfEmpty()
                    orderby fire.Due descending
                    select new { fire, Number = run == null ? (int?)null : run.Number }).Take(Shown).ToListAsync(cancellationToken),
                cancellationToken);
            all.AddRange(rows.Select(row => (row.fire, row.Number)));
        }

        return all.ToLookup(row => row.Fire.Schedule);
    }

    /// <summary>Makes a schedule, or changes one. What it would have been due for before is not made up for.</summary>
    public async Task<ScheduleRow> SetAsync(Guid repository, string name, CronRule rule, WantedSchedule wanted, string who, CancellationToken cancellationToken)
    {
        var row = await database.WriteAsync(
            async turn =>
            {
                var known = await turn.Db.Schedules.AsTracking().SingleOrDefaultAsync(s => s.Repository == repository && s.Name == name);
                var row = known ?? new ScheduleRow
                {
                    Id = Guid.CreateVersion7(turn.Now),
                    Repository = repository,
                    Name = name,
                    Cron = wanted.Cron,
                    Zone = wanted.Zone,
                    Inputs = "{}",
                    Enabled = true,
                    Misfire = wanted.Misfire,
                    Overlap = wanted.Overlap,
                    HandledUpTo = turn.Now,
                    CreatedAt = turn.Now,
                };
                row.Cron = wanted.Cron;
                row.Zone = wanted.Zone;
                row.Branch = wanted.Branch;
                row.Inputs = JsonSerializer.Serialize(new Dictionary<string, string>(wanted.Inputs), StoredJson.Default.DictionaryStringString);
                row.Misfire = wanted.Misfire;
                row.Overlap = wanted.Overlap;
                row.HandledUpTo = turn.Now;
                row.NextDue = row.Enabled ? rule.After(turn.Now).Select(at => (DateTimeOffset?)at).FirstOrDefault() : null;
                if (known is null)
                {
                    turn.Db.Add(row);
                }

                turn.Audit(who, "schedule.set", name, $"{wanted.Cron} {wanted.Zone}");
                return row;
            },
            cancellationToken);
        Changed?.Invoke();
        return row;
    }

    /// <summary>Pauses a schedule, or resumes one; what was missed meanwhile is not made up for.</summary>
    /// <returns>Null: there is none of that name.</returns>
    public async Task<ScheduleRow?> EnableAsync(Guid repository, string name, bool enabled, string who, CancellationToken cancellationToken)
    {
        var row = await database.WriteAsync<ScheduleRow?>(
            async turn =>
            {
                if (await turn.Db.Schedules.AsTracking().SingleOrDefaultAsync(s => s.Repository == repository && s.Name == name) is not { } row)
                {
                    return null;
                }

                row.Enabled = enabled;
                row.HandledUpTo = turn.Now;
                row.NextDue = enabled ? RuleOf(row).After(turn.Now).Select(at => (DateTimeOffset?)at).FirstOrDefault() : null;
                turn.Audit(who, enabled ? "schedule.resumed" : "schedule.paused", name, "");
                return row;
            },
            cancellationToken);
        Changed?.Invoke();
        return row;
    }

    /// <summary>Removes a schedule with its list of occurrences; its runs stay.</summary>
    public async Task<bool> RemoveAsync(Guid repository, string name, string who, CancellationToken cancellationToken)
    {
        var removed = await database.WriteAsync(
            async turn =>
            {
                await turn.Db.ScheduleFires.Where(f => turn.Db.Schedules.Any(s => s.Id == f.Schedule && s.Repository == repository && s.Name == name)).ExecuteDeleteAsync();
                if (await turn.Db.Schedules.Where(s => s.Repository == repository && s.Name == name).ExecuteDeleteAsync() == 0)
                {
                    return false;
                }

                turn.Audit(who, "schedule.removed", name, "");
                return true;
            },
            cancellationToken);
        Changed?.Invoke();
        return removed;
    }

    /// <summary>When a stored schedule is due.</summary>
    /// <exception cref="InvalidOperationException">What is stored cannot be read any more: the host lost its time zones.</exception>
    public static CronRule RuleOf(ScheduleRow row) =>
        CronRule.TryParse(row.Cron, row.Zone, out var rule, out var problem) ? rule : throw new InvalidOperationException($"schedule '{row.Name}': {problem}");
}

/// <summary>A schedule as somebody wants it.</summary>
internal sealed record WantedSchedule(
    string Cron, string Zone, string? Branch, IReadOnlyDictionary<string, string> Inputs, MisfireRule Misfire, OverlapRule Overlap);

/// <summary>What holds for schedules.</summary>
public sealed record ScheduleOptions
{
    /// <summary>Whether schedules fire at this server.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>The shortest time between two occurrences of one schedule.</summary>
    public TimeSpan MinInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>What happens to missed occurrences where a schedule does not say.</summary>
    public MisfireRule Misfire { get; init; } = MisfireRule.Once;
}
