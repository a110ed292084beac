using BuildRunner.Server.Forge;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Storage.Rows;
using BuildRunner.Server.Webhooks;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>Carries out GitHub's deliveries: reads what each asks for, and does it if whoever asks may.</summary>
internal sealed class GitHubDeliveries(
    Database database, ForgeRepositories repositories, GitHubForge forge, GitHubLogin login, ForgeRuns runs, RunRegister register) : IDeliveryHandler
{
    public bool Takes(string source) => source == InboxService.GitHubSource;

    public async Task<DeliveryEnd> HandleAsync(InboxRow row, CancellationToken cancellationToken)
    {
        if (!JsonText.TryParse(row.Body, out var document, out var problem))
        {
            return new DeliveryEnd.Failed(problem);
        }

        using (document)
        {
            var read = GitHubEvents.Read(row.Event, document.RootElement, new GitHubIdentity(login.AppId));
            try
            {
                return await DoAsync(read, IsFound(row, document.RootElement), cancellationToken);
            }
            catch (ForgeException fault) when (fault.IsTransient)
            {
                return new DeliveryEnd.Later(fault.Message, fault.RetryAt);
            }
            catch (ForgeException fault)
            {
                return new DeliveryEnd.Failed(fault.Message);
            }
        }
    }

    // Only BuildRunner itself puts such a delivery into the inbox; GitHub's own ids have no slash.
    private static bool IsFound(InboxRow row, System.Text.Json.JsonElement body) =>
        row.Delivery.StartsWith("found/", StringComparison.Ordinal) && body.TryGetProperty(FoundEvents.Mark, out _);

    private async Task<DeliveryEnd> DoAsync(GitHubEvent read, bool isFound, CancellationToken stop)
    {
        switch (read.Trigger)
        {
            case Trigger.Nothing(var why):
                return new DeliveryEnd.Done(why);
            case Trigger.InstallationChanged changed:
                await repositories.InstallationAsync(changed.Installation, changed.Repositories, changed.Change is not ("deleted" or "suspend" or "removed"), stop);
                return new DeliveryEnd.Done($"the installation was noted: {changed.Change}");
            default:
                break;
        }

        if (read.Repository is not { } number || await repositories.FindAsync(number, stop) is not { } known)
        {
            return new DeliveryEnd.Done("no run: this repository is not known here; add it with: buildrunner repo add OWNER/NAME URL");
        }

        return read.Trigger switch
        {
            Trigger.StartRun(var request) => await StartAsync(known, request, read.Key, isFound, stop),
            Trigger.Rerun rerun => await IfMayWriteAsync(known, rerun.Actor, () => RerunAsync(known, rerun, read.Key, stop), stop),
            Trigger.Cancel cancel => await IfMayWriteAsync(known, cancel.Actor, () => CancelAsync(known, cancel, stop), stop),
            Trigger.Approve approve => await IfMayWriteAsync(known, approve.Actor, () => ApproveAsync(known, approve, stop), stop),
            Trigger.RepositoryChanged(var repository, var change) => await NoteAsync(known, repository, change, stop),
            _ => new DeliveryEnd.Done("nothing is done for this event", null, known.Repository.Id),
        };
    }

    private async Task<DeliveryEnd> StartAsync(LinkedRepository known, RunRequest request, string key, bool isFound, CancellationToken stop)
    {
        await repositories.NoteAsync(known, request.Repository, stop);
        var current = await repositories.FindAsync(known.Link.ForgeId, stop) ?? known;
        var run = await runs.StartAsync(current, request, key, isFound, stop);
        return new DeliveryEnd.Done(run.Created ? $"started run #{run.Number}" : "its run was started before", run.Id, known.Repository.Id);
    }

    private async Task<DeliveryEnd> NoteAsync(LinkedRepository known, ForgeRepository repository, string change, CancellationToken stop)
    {
        await repositories.NoteAsync(known, repository, stop);
        return new DeliveryEnd.Done($"the repository was {change}", null, known.Repository.Id);
    }

    private async Task<DeliveryEnd> RerunAsync(LinkedRepository known, Trigger.Rerun rerun, string key, CancellationToken stop)
    {
        // By number, so that each of them has the same key should this be done again.
        var done = new List<string>();
        Guid? last = null;
        foreach (var (number, (run, what)) in (await OfScopeAsync(known, rerun.What, stop)).Index())
        {
            var delivery = (InboxService.GitHubSource, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{key}/{number}"));
            var (made, refusal) = await register.RerunAsync(run, what, $"{rerun.Actor.Login} (GitHub {rerun.Actor.Id})", delivery, stop);
            last = made ?? last;
            done.Add(made is null ? $"not rerun: {refusal}" : "rerun");
        }

        return new DeliveryEnd.Done(done.Count == 0 ? "there is no such run here" : string.Join("; ", done.Distinct()), last, known.Repository.Id);
    }

    private async Task<DeliveryEnd> CancelAsync(LinkedRepository known, Trigger.Cancel cancel, CancellationToken stop)
    {
        if (await OwnAsync(known, cancel.Check.Run.Value, stop) is not { } run)
        {
            return new DeliveryEnd.Done("there is no such run here", null, known.Repository.Id);
        }

        var refusal = await register.CancelAsync(run, $"cancelled by {cancel.Actor.Login} at GitHub", stop);
        return new DeliveryEnd.Done(refusal is null ? "cancelled" : $"not cancelled: {refusal}", run, known.Repository.Id);
    }

    private async Task<DeliveryEnd> ApproveAsync(LinkedRepository known, Trigger.Approve approve, CancellationToken stop)
    {
        var waiting = await database.ReadAsync(
            db => (
                from approval in db.Approvals
                join run in db.Runs on approval.Run equals run.Id
                where run.Repository == known.Repository.Id && approval.Commit == approve.Commit && approval.Approved == null
                select run.Id).ToListAsync(stop),
            stop);
        var last = (Guid?)null;
        foreach (var run in waiting)
        {
            var who = $"{approve.Actor.Login} (GitHub {approve.Actor.Id})";
            last = await register.DecideAsync(run, approve.Commit, approve.Approved, who, stop) is null ? run : last;
        }

        return new DeliveryEnd.Done(last is null ? $"no run waits for an approval of {approve.Commit}" : approve.Approved ? "approved" : "declined", last, known.Repository.Id);
    }

    private async Task<DeliveryEnd> IfMayWriteAsync(LinkedRepository known, Person person, Func<Task<DeliveryEnd>> act, CancellationToken stop) =>
        await forge.MayWriteAsync(known.Place, person, stop)
            ? await act()
            : new DeliveryEnd.Done($"nothing: {person.Login} may not write to {known.Link.FullName}", null, known.Repository.Id);

    private async Task<IReadOnlyList<(Guid Run, RerunWhat What)>> OfScopeAsync(LinkedRepository known, RerunScope scope, CancellationToken stop)
    {
        switch (scope)
        {
            case RerunScope.Check(var key):
                RerunWhat what = key.Workflow.Length == 0 ? new RerunWhat.All() : new RerunWhat.Workflow(key.Workflow);
                return await OwnAsync(known, key.Run.Value, stop) is { } run ? [(run, what)] : [];
            case RerunScope.FailedOf(var key):
                return await OwnAsync(known, key.Run.Value, stop) is { } failed ? [(failed, new RerunWhat.Failed())] : [];
            case RerunScope.Commit(var sha):
                var all = await database.ReadAsync(
                    db => db.Runs.Where(r => r.Repository == known.Repository.Id && r.Commit == sha && !db.Runs.Any(o => o.Repository == r.Repository && o.Number == r.Number && o.Attempt > r.Attempt))
                        .OrderBy(r => r.Number).Select(r => r.Id).ToListAsync(stop),
                    stop);
                return [.. all.Select(id => (id, (RerunWhat)new RerunWhat.All()))];
            default:
                return [];
        }
    }

    // The latest attempt of a run of this repository: an id in an event may be of a run elsewhere.
    private Task<Guid?> OwnAsync(LinkedRepository known, Guid run, CancellationToken stop) => database.ReadAsync(
        db => (
            from named in db.Runs
            join attempt in db.Runs on new { named.Repository, named.Number } equals new { attempt.Repository, attempt.Number }
            where named.Id == run && named.Repository == known.Repository.Id
            orderby attempt.Attempt descending
            select (Guid?)attempt.Id).FirstOrDefaultAsync(stop),
        stop);
}
