using System.Globalization;
using BuildRunner.Core.Planning;

namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>What happens to a pull request.</summary>
internal static class PullRequestEvents
{
    /// <summary>Reads the event.</summary>
    public static (Trigger Trigger, string Key) Read(Payload payload, string action)
    {
        var kind = Kind(payload, action);
        var key = Key(payload, action);
        if (kind is null)
            return (new Trigger.Nothing($"nothing is done for 'pull_request' with the action '{action}'"), key);
        return (new Trigger.StartRun(Request(payload, kind, action)), key);
    }

    // New code, or code in a new light, is a pull_request; what only describes it is Woodpecker's pull_request_metadata.
    private static string? Kind(Payload payload, string action) => action switch
    {
        "opened" or "synchronize" or "reopened" or "ready_for_review" => "pull_request",
        "closed" => "pull_request_closed",
        "edited" when payload.Has("changes.base") => "pull_request",
        "edited" or "labeled" or "unlabeled" or "milestoned" or "demilestoned" or "assigned" or "unassigned" or "converted_to_draft" => "pull_request_metadata",
        _ => null,
    };

    private static string Key(Payload payload, string action) => EventKey.Of(
        "pull_request",
        payload.Raw("repository.id"),
        payload.Raw("pull_request.number"),
        action,
        payload.Raw("pull_request.head.sha"),
        payload.Raw("pull_request.base.ref"),
        action == "opened" ? null : payload.Raw("pull_request.updated_at"),
        payload.Raw("before"),
        payload.Raw("label.id"),
        payload.Raw("label.name"),
        payload.Raw("assignee.id"),
        payload.Raw("milestone.id"),
        action == "edited" ? payload.Raw("pull_request.title") : null,
        action == "edited" ? payload.Raw("pull_request.body") : null);

    private static RunRequest Request(Payload payload, string kind, string action)
    {
        var repository = payload.Repository();
        var number = payload.Number("pull_request.number");
        var (head, target) = (payload.Branch("pull_request.head.ref"), payload.Branch("pull_request.base.ref"));
        var title = payload.Text("pull_request.title");
        return new()
        {
            Repository = repository,
            Event = new()
            {
                Kind = kind,
                Branch = target,
                Ref = string.Create(CultureInfo.InvariantCulture, $"refs/pull/{number}/head"),
                Commit = payload.Commit("pull_request.head.sha"),
                Repository = repository.FullName,
                DefaultBranch = repository.DefaultBranch,
            },
            Facts = WithReason(Facts.Of(payload, new()
            {
                Refspec = $"{head}:{target}",
                Message = title,
                Author = payload.OptionalName("pull_request.user.login"),
                SourceBranch = head,
                TargetBranch = target,
                PullRequest = number,
                PullRequestLabels = [.. payload.Items("pull_request.labels").Select(label => label.OptionalName("name")).OfType<string>()],
                PullRequestMilestone = payload.OptionalName("pull_request.milestone.title"),
                PullRequestDraft = payload.Flag("pull_request.draft"),
            }, payload.OptionalName("pull_request.html_url")), kind == "pull_request_metadata" ? action : null),
            Actor = payload.Person("sender"),
            PullRequest = Origin(payload, number, action),
            Title = Facts.FirstLine(title),
            ChangesSince = payload.Commit("pull_request.base.sha"),
            Skip = kind == "pull_request" ? PushEvents.WhySkip(title) : null,
        };
    }

    private static PullRequestOrigin Origin(Payload payload, int number, string action) => new()
    {
        Number = number,
        BaseRepository = payload.Id("pull_request.base.repo.id"),
        HeadRepository = payload.OptionalId("pull_request.head.repo.id"),
        HeadOwner = payload.OptionalId("pull_request.head.repo.owner.id"),
        Author = payload.Id("pull_request.user.id"),
        AuthorAssociation = payload.OptionalName("pull_request.author_association") ?? "",
        Pusher = action == "synchronize" ? payload.Id("sender.id") : null,
    };

    private static RunFacts WithReason(RunFacts facts, string? reason) =>
        reason is null ? facts : facts with { Pipeline = facts.Pipeline with { EventReason = reason } };
}
