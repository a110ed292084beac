using BuildRunner.Core.Planning;
using BuildRunner.Server.Forge;
using BuildRunner.Server.Repositories;
using BuildRunner.Server.Runs;
using BuildRunner.Server.Storage;
using BuildRunner.Server.Webhooks;
using Microsoft.EntityFrameworkCore;

namespace BuildRunner.Server.Triggers;

/// <summary>Makes runs of events at the forge: the files at the event's commit, the plan, the trust, and the run.</summary>
/// <remarks>1. An event that made a run before is answered as then. 2. Its commit. 3. The files there. 4. What was changed. 5. Trust, from what the event proves. 6. Plan and run.</remarks>
internal sealed class ForgeRuns(Database database, GitHubForge forge, RunRegister register, NewRuns runs)
{
    /// <summary>Starts the run.</summary>
    /// <param name="known">Where.</param>
    /// <param name="request">What the event asks for.</param>
    /// <param name="key">The event's key.</param>
    /// <param name="isFound">True: it was found by looking, and its webhook may still come.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ForgeException">The forge does not say what is needed.</exception>
    public async Task<StoredAs> StartAsync(LinkedRepository known, RunRequest request, string key, bool isFound, CancellationToken cancellationToken)
    {
        if (await register.OfDeliveryAsync(InboxService.GitHubSource, key, cancellationToken) is { } made)
        {
            return new StoredAs(made, Number: 0, Created: false);
        }

        // What was found before the webhook came; the same head once more, after another one, is a new event all the same.
        var found = ForgeKeys.Found(known.Link.ForgeId, request.Event.Kind, request.Event.Ref, request.Event.Commit);
        if (await register.MoveDeliveryAsync(InboxService.GitHubSource, found, key, cancellationToken) is { } earlier)
        {
            return new StoredAs(earlier, Number: 0, Created: false);
        }

        var commit = request.Event.Commit.Length > 0 ? request.Event.Commit : await forge.CommitOfAsync(known.Place, request.Event.Ref, cancellationToken);
        var settings = RepositoryStore.SettingsOf(known.Repository);
        var files = await forge.PipelineFilesAsync(known.Place, commit, settings.PipelinePath, cancellationToken);
        var changed = request.Event.ChangedFiles ?? await ChangedAsync(known, request, commit, cancellationToken);
        var runEvent = request.Event with { Commit = commit, Repository = known.Repository.Name, ChangedFiles = changed };
        var head = request.PullRequest is null ? HeadVerdict.None : await VerdictAsync(known.Repository.Id, commit, cancellationToken);
        var trust = Trust.Decide(
            request.PullRequest,
            runEvent.Ref,
            request.PullRequest is null ? null : $"refs/heads/{runEvent.Branch}",
            $"refs/heads/{runEvent.DefaultBranch}",
            settings.Trusted,
            settings.Approve,
            head);
        return await runs.StoreAsync(
            known.Repository,
            new RunBasis
            {
                Event = runEvent,
                Facts = request.Facts,
                Files = files,
                Trust = trust with { BranchUnproven = await IsUnprovenAsync(known, runEvent, cancellationToken) },
                Title = request.Title,
                Author = request.Actor.Login,
                Delivery = (InboxService.GitHubSource, key),
                AlsoKnownAs = isFound ? found : null,
                Skip = request.Skip,
                OfPullRequest = request.PullRequest is not null,
            },
            cancellationToken);
    }

    private async Task<IReadOnlyList<string>?> ChangedAsync(LinkedRepository known, RunRequest request, string commit, CancellationToken cancellationToken)
    {
        if (request.ChangesSince is not { } since)
        {
            return null;
        }

        try
        {
            return await forge.ChangedFilesAsync(known.Place, since, commit, cancellationToken);
        }
        catch (ForgeException e) when (e.Fault is ForgeFault.NotFound or ForgeFault.Refused)
        {
            // The commit before is gone, as after a forced push: then it is not known what was changed, and path conditions hold.
            return null;
        }
    }

    // A deployment is of any commit, and what it calls its ref is what somebody wrote. Of a push, a tag and a pull request the branch is GitHub's own word.
    private async Task<bool> IsUnprovenAsync(LinkedRepository known, RunEvent runEvent, CancellationToken cancellationToken) =>
        runEvent.Kind is "release" || (runEvent.Kind is "deployment" && !await forge.IsOnBranchAsync(known.Place, runEvent.Branch, runEvent.Commit, cancellationToken));

    private async Task<HeadVerdict> VerdictAsync(Guid repository, string commit, CancellationToken cancellationToken)
    {
        var answers = await database.ReadAsync(
            db => (
                from approval in db.Approvals
                join run in db.Runs on approval.Run equals run.Id
                where run.Repository == repository && approval.Commit == commit
                select approval.Approved).ToListAsync(cancellationToken),
            cancellationToken);
        return answers.Contains(true) ? HeadVerdict.Approved
            : answers.Contains(false) ? HeadVerdict.Declined
            : answers.Count > 0 ? HeadVerdict.Pending
            : HeadVerdict.None;
    }
}
