using System.Globalization;
using System.Text.Json;
using BuildRunner.Core.AgentContract;
using BuildRunner.Core.ApiContract;
using BuildRunner.Core.Pipelines;
using BuildRunner.Core.Planning;
using BuildRunner.Core.Runs;
using BuildRunner.Server.Dispatch;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Runs;

/// <summary>Runs as the API and the pages show them.</summary>
internal sealed class RunViews(Database database, QueueView queue, Links links)
{
    /// <summary>The row of a run.</summary>
    /// <param name="repository">Its repository's name.</param>
    /// <param name="number">Its number; null: the latest.</param>
    /// <param name="attempt">Which; null: the latest.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null: there is none.</returns>
    public Task<RunRow?> FindAsync(string repository, int? number, int? attempt, CancellationToken cancellationToken)
    {
        var key = repository.ToLowerInvariant();
        return database.ReadAsync(
            db => (
                from run in db.Runs
                join home in db.Repositories on run.Repository equals home.Id
                where home.Key == key && (number == null || run.Number == number) && (attempt == null || run.Attempt == attempt)
                orderby run.Number descending, run.Attempt descending
                select run).FirstOrDefaultAsync(cancellationToken),
            cancellationToken);
    }

    /// <summary>A run, whole; null: there is none of that id.</summary>
    public async Task<RunDetails?> DetailsAsync(Guid id, CancellationToken cancellationToken)
    {
        var look = await queue.LookAsync(cancellationToken);
        return await database.ReadAsync(db => DetailsAsync(db, id, look), cancellationToken);
    }

    /// <summary>A run, as lists show it; null: there is none of that id.</summary>
    public Task<RunSummary?> SummaryAsync(Guid id, CancellationToken cancellationToken) => database.ReadAsync(
        async db => await Rows(db).SingleOrDefaultAsync(r => r.Run.Id == id, cancellationToken) is { } row ? Summary(row.Run, row.Repository) : null,
        cancellationToken);

    /// <summary>A run that was just started, with what is to be said about its files; null: there is none of that id.</summary>
    public Task<RunSummary?> StartedAsync(Guid id, CancellationToken cancellationToken) => database.ReadAsync(
        async db => await Rows(db).SingleOrDefaultAsync(r => r.Run.Id == id, cancellationToken) is { } row
            ? Summary(row.Run, row.Repository) with { Problems = ProblemsOf(await db.RunPlans.Where(p => p.Run == id).Select(p => p.Diagnostics).SingleAsync(cancellationToken)) }
            : null,
        cancellationToken);

    /// <summary>A part of the list, newest first.</summary>
    public Task<RunPage> ListAsync(RunFilter filter, CancellationToken cancellationToken) => database.ReadAsync(
        async db =>
        {
            var rows = await filter.Apply(Rows(db)).OrderByDescending(r => r.Run.Id).Take(filter.Limit + 1).ToListAsync(cancellationToken);
            var items = rows.Take(filter.Limit).Select(r => Summary(r.Run, r.Repository)).ToList();
            return new RunPage(items, rows.Count > filter.Limit ? items[^1].Id : null);
        },
        cancellationToken);

    /// <summary>The latest run of each repository.</summary>
    public Task<Dictionary<Guid, RunSummary>> LatestAsync(CancellationToken cancellationToken) => database.ReadAsync(
        async db =>
        {
            var latest = await Rows(db)
                .Where(r => r.Run.Number == db.Runs.Where(o => o.Repository == r.Run.Repository).Max(o => o.Number))
                .Where(r => r.Run.Attempt == db.Runs.Where(o => o.Repository == r.Run.Repository && o.Number == r.Run.Number).Max(o => o.Attempt))
                .ToListAsync(cancellationToken);
            return latest.ToDictionary(r => r.Run.Repository, r => Summary(r.Run, r.Repository));
        },
        cancellationToken);

    /// <summary>The plan of a run; null: it has none.</summary>
    public Task<RunPlan?> PlanAsync(Guid id, CancellationToken cancellationToken) => database.ReadAsync(
        async db => await db.RunPlans.Where(p => p.Run == id).Select(p => p.Plan).SingleOrDefaultAsync(cancellationToken) is { } json
            ? JsonSerializer.Deserialize(json, RunJson.Default.RunPlan)
            : null,
        cancellationToken);

    private static IQueryable<RunOfRepository> Rows(Db db) =>
        from run in db.Runs
        join repository in db.Repositories on run.Repository equals repository.Id
        select new RunOfRepository { Run = run, Repository = repository.Name, Key = repository.Key };

    private async Task<RunDetails?> DetailsAsync(Db db, Guid id, QueueLook look)
    {
        if (await Rows(db).SingleOrDefaultAsync(r => r.Run.Id == id) is not { } found)
        {
            return null;
        }

        var run = found.Run;
        var stored = await db.RunPlans.SingleAsync(p => p.Run == id);
        var plan = stored.Plan is null ? null : JsonSerializer.Deserialize(stored.Plan, RunJson.Default.RunPlan);
        var state = run.State is null ? null : JsonSerializer.Deserialize(run.State, RunJson.Default.RunState);
        var agents = await (
            from work in db.Work
            where work.Run == id && work.Kind == WorkKind.Start && work.Agent != null
            join agent in db.Agents on work.Agent equals agent.Id
            select new { work.Workflow, agent.Name }).ToDictionaryAsync(w => w.Workflow, w => w.Name);
        return new RunDetails
        {
            Run = Summary(run, found.Repository),
            Version = run.Version,
            Attempts = await db.Runs.Where(r => r.Repository == run.Repository && r.Number == run.Number).OrderBy(r => r.Attempt).Select(r => r.Attempt).ToListAsync(),
            Workflows = plan is null || state is null ? [] : [.. plan.Workflows.Select(w => WorkflowViews.Of(id, plan, w, state, agents.GetValueOrDefault(w.Name), look))],
            Diagnostics = ProblemsOf(stored.Diagnostics),
            Approval = await db.Approvals.Where(a => a.Run == id).Select(a => new ApprovalDetails
            {
                Commit = a.Commit,
                Reason = a.Reason,
                Approved = a.Approved,
                DecidedBy = a.DecidedBy,
                DecidedAt = a.DecidedAt,
            }).SingleOrDefaultAsync(),
            CancelledBecause = state?.Cancel?.Why,
        };
    }

    /// <summary>A run's state, a word of <see cref="RunStates"/>.</summary>
    public static string StateOf(RunRow run) => run.Stage switch
    {
        RunStage.Blocked => RunStates.Blocked,
        RunStage.Queued => RunStates.Queued,
        RunStage.Running => RunStates.Running,
        _ => run.Outcome!,
    };

    private RunSummary Summary(RunRow run, string repository) => new()
    {
        Id = run.Id.ToString("N", CultureInfo.InvariantCulture),
        Repo = repository,
        Number = run.Number,
        Attempt = run.Attempt,
        State = StateOf(run),
        Reason = run.Stage == RunStage.Blocked ? "waits for an approval" : run.Reason,
        Event = run.Event,
        Branch = run.Branch,
        Ref = run.Ref,
        Commit = run.Commit,
        Title = run.Title,
        Author = run.Author,
        CreatedAt = run.CreatedAt,
        StartedAt = run.StartedAt,
        EndedAt = run.EndedAt,
        Url = links.Run(repository, run.Number).AbsoluteUri,
    };

    private static IReadOnlyList<FileProblem> ProblemsOf(string? diagnostics) =>
        diagnostics is null ? [] : [.. JsonSerializer.Deserialize(diagnostics, StoredJson.Default.IReadOnlyListDiagnostic)!.Select(Problem)];

    private static FileProblem Problem(Diagnostic diagnostic) => new(
        diagnostic.Code,
        diagnostic.Severity == DiagnosticSeverity.Error ? "error" : "warning",
        diagnostic.Message,
        diagnostic.Location.File,
        diagnostic.Location.Line,
        diagnostic.Location.Column,
        diagnostic.Hint);
}

/// <summary>A run with its repository's name.</summary>
internal sealed class RunOfRepository
{
    public required RunRow Run { get; init; }

    public required string Repository { get; init; }

    /// <summary>The name in lower case.</summary>
    public required string Key { get; init; }
}

/// <summary>Which runs a list shows.</summary>
internal sealed record RunFilter
{
    public string? Repository { get; init; }

    public string? Branch { get; init; }

    public string? State { get; init; }

    public string? Event { get; init; }

    public int Limit { get; init; } = 30;

    public Guid? Before { get; init; }

    /// <summary>Only those.</summary>
    public IQueryable<RunOfRepository> Apply(IQueryable<RunOfRepository> runs)
    {
        var key = Repository?.ToLowerInvariant();
        runs = key is null ? runs : runs.Where(r => r.Key == key);
        runs = Branch is { } branch ? runs.Where(r => r.Run.Branch == branch) : runs;
        runs = Event is { } kind ? runs.Where(r => r.Run.Event == kind) : runs;
        runs = Before is { } before ? runs.Where(r => r.Run.Id.CompareTo(before) < 0) : runs;
        return State switch
        {
            null => runs,
            RunStates.Blocked => runs.Where(r => r.Run.Stage == RunStage.Blocked),
            RunStates.Queued => runs.Where(r => r.Run.Stage == RunStage.Queued),
            RunStates.Running => runs.Where(r => r.Run.Stage == RunStage.Running),
            var outcome => runs.Where(r => r.Run.Outcome == outcome),
        };
    }
}
