using System.Globalization;
using System.Text.Json;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Sources;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Telemetry;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;

namespace BuildRunner.Server.Schedules;

/// <summary>Starts the runs of schedules that are due. May be called at any time, by several servers at once and any number of times: an occurrence is one row, and its run is known by it.</summary>
/// <remarks>1. Occurrences that are due become rows, in one transaction with "handled up to here". 2. Each row that is not done gets its run, or the reason why there is none.</remarks>
internal sealed partial class ScheduleFirer(Database database, RunStarter starter, RunRegister runs, ILogger<ScheduleFirer> logger) : IDisposable
{
    private const int MaxTries = 5;

    // Two sweeps of one server at once would do the same twice: no harm, but each occurrence would take two numbers, of which one stays unused.
    private readonly SemaphoreSlim turn = new(1);

    /// <summary>Handles everything that is due now.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            await SweepInTurnAsync(cancellationToken);
        }
        finally
        {
            turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => turn.Dispose();

    private async Task SweepInTurnAsync(CancellationToken cancellationToken)
    {
        var now = await database.ReadAsync(database.NowAsync, cancellationToken);
        var due = await database.ReadAsync(db => db.Schedules.Where(s => s.Enabled && s.NextDue <= now).Select(s => s.Id).ToListAsync(cancellationToken), cancellationToken);
        foreach (var schedule in due)
        {
            await database.WriteAsync(turn => NoteAsync(turn, schedule), cancellationToken);
        }

        var open = await database.ReadAsync(
            db => db.ScheduleFires.Where(f => !f.Done).OrderBy(f => f.Due).Take(100).ToListAsync(cancellationToken), cancellationToken);
        foreach (var fire in open)
        {
            await FireAsync(fire, cancellationToken);
        }
    }

    /// <summary>Starts a run of a schedule now, besides its occurrences.</summary>
    /// <exception cref="SourceException">The repository cannot be read.</exception>
    public async Task<StoredAs> RunNowAsync(ScheduleRow schedule, string who, CancellationToken cancellationToken) =>
        await starter.StartAsync(await RepositoryAsync(schedule, cancellationToken), Wanted(schedule, who, delivery: null), cancellationToken);

    // 1. Due: rows. Somebody else may have been faster; then there is nothing left.
    private static async Task NoteAsync(WriteTurn turn, Guid id)
    {
        if (await turn.Db.Schedules.AsTracking().SingleOrDefaultAsync(s => s.Id == id) is not { Enabled: true } schedule || schedule.NextDue > turn.Now)
        {
            return;
        }

        var seen = schedule.HandledUpTo;
        var occurrences = Misfires.At(ScheduleStore.RuleOf(schedule), seen, turn.Now, schedule.Misfire);
        foreach (var at in occurrences.Fire)
        {
            turn.Db.Add(new ScheduleFireRow { Schedule = id, Due = at, At = turn.Now, Done = false, Why = "" });
        }

        if (occurrences.Fire.Count == 0 && occurrences.Missed > 0)
        {
            var why = $"missed, with {occurrences.Missed - 1} before it (setting 'misfire: {schedule.Misfire.ToString().ToLowerInvariant()}')";
            turn.Db.Add(new ScheduleFireRow { Schedule = id, Due = occurrences.HandledUpTo, At = turn.Now, Done = true, Why = why });
        }

        schedule.HandledUpTo = occurrences.HandledUpTo;
        schedule.NextDue = occurrences.Next;
    }

    // 2. A row: a run, or the reason why there is none.
    private async Task FireAsync(ScheduleFireRow fire, CancellationToken cancellationToken)
    {
        if (await database.ReadAsync(db => db.Schedules.SingleOrDefaultAsync(s => s.Id == fire.Schedule, cancellationToken), cancellationToken) is not { } schedule)
        {
            return;
        }

        try
        {
            var previous = await PreviousAsync(fire, cancellationToken);
            var decision = FireDecision.For(schedule.Overlap, previous is not null);
            if (decision.CancelPrevious && previous is { } run)
            {
                await runs.CancelAsync(run, $"the schedule '{schedule.Name}' was due again (setting 'overlap: cancel_previous')", cancellationToken);
            }

            var made = decision.Start
                ? await starter.StartAsync(await RepositoryAsync(schedule, cancellationToken), Wanted(schedule, $"schedule {schedule.Name}", DeliveryOf(fire)), cancellationToken)
                : null;
            await EndAsync(fire, made?.Id, decision.Why ?? "", done: true);
            ServerMeter.Fire(made is null ? "skipped" : "run");
        }
        catch (SourceException source)
        {
            LogNoRun(logger, schedule.Name, source.Message);
            var last = fire.Tries + 1 >= MaxTries;
            await EndAsync(fire, null, source.Message, done: last);
            ServerMeter.Fire(last ? "failed" : "later");
        }
    }

    private Task<int> EndAsync(ScheduleFireRow fire, Guid? run, string why, bool done) => database.WriteAsync(
        turn => turn.Db.ScheduleFires.Where(f => f.Schedule == fire.Schedule && f.Due == fire.Due).ExecuteUpdateAsync(set => set
            .SetProperty(f => f.Run, run)
            .SetProperty(f => f.Why, why)
            .SetProperty(f => f.Done, done)
            .SetProperty(f => f.Tries, f => f.Tries + 1)),
        CancellationToken.None);

    // The last run of the schedule that has not ended.
    private Task<Guid?> PreviousAsync(ScheduleFireRow fire, CancellationToken cancellationToken) => database.ReadAsync(
        db => (
            from other in db.ScheduleFires
            join run in db.Runs on other.Run equals run.Id
            where other.Schedule == fire.Schedule && other.Due < fire.Due && run.Stage != RunStage.Ended
            orderby other.Due descending
            select (Guid?)run.Id).FirstOrDefaultAsync(cancellationToken),
        cancellationToken);

    private Task<RepositoryRow> RepositoryAsync(ScheduleRow schedule, CancellationToken cancellationToken) =>
        database.ReadAsync(db => db.Repositories.SingleAsync(r => r.Id == schedule.Repository, cancellationToken), cancellationToken);

    private static WantedRun Wanted(ScheduleRow schedule, string who, (string Source, string Key)? delivery) => new()
    {
        Point = new SourcePoint.Branch(schedule.Branch),
        Event = "cron",
        Author = who,
        Schedule = schedule.Name,
        Inputs = JsonSerializer.Deserialize(schedule.Inputs, StoredJson.Default.DictionaryStringString) ?? [],
        Delivery = delivery,
    };

    private static (string Source, string Key) DeliveryOf(ScheduleFireRow fire) =>
        ("schedule", string.Create(CultureInfo.InvariantCulture, $"{fire.Schedule:N}/{fire.Due.ToUnixTimeMilliseconds()}"));

    [LoggerMessage(3201, LogLevel.Warning, "schedule {Schedule} got no run: {Why}")]
    private static partial void LogNoRun(ILogger logger, string schedule, string why);
}
