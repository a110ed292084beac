using System.Text.Json;

namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>Whose events these are.</summary>
/// <param name="AppId">The app's number; null: BuildRunner works with a personal token.</param>
internal sealed record GitHubIdentity(long? AppId);

/// <summary>What a delivery asks for.</summary>
/// <param name="Trigger">What to do.</param>
/// <param name="Key">The same for one event, by whichever way it arrives (<see cref="EventKey"/>).</param>
/// <param name="Repository">The number of the repository that it is about; null: about none.</param>
internal sealed record GitHubEvent(Trigger Trigger, string Key, long? Repository);

/// <summary>Reads GitHub's events. Pure, and total: there is an answer to whatever comes, and no exception.</summary>
internal static class GitHubEvents
{
    /// <summary>Reads an event whose signature was verified.</summary>
    /// <param name="name">The header <c>X-GitHub-Event</c>.</param>
    /// <param name="body">The payload.</param>
    /// <param name="self">Whose events these are.</param>
    public static GitHubEvent Read(string name, JsonElement body, GitHubIdentity self)
    {
        var payload = new Payload(body);
        var (trigger, key) = Read(name, payload, payload.OptionalName("action") ?? "", self);
        if (payload.Problem is { } problem)
            trigger = new Trigger.Nothing($"the {name} event has no usable '{problem}'");
        return new(trigger, key, payload.OptionalId("repository.id"));
    }

    private static (Trigger Trigger, string Key) Read(string name, Payload payload, string action, GitHubIdentity self) => name switch
    {
        "push" => PushEvents.Read(payload),
        "pull_request" => PullRequestEvents.Read(payload, action),
        "merge_group" when action == "checks_requested" => MergeGroupEvents.Read(payload),
        "release" when action == "published" => ReleaseEvents.Read(payload),
        "deployment" when action == "created" => DeploymentEvents.Read(payload),
        "check_run" when action is "rerequested" or "requested_action" => CheckEvents.ReadRun(payload, action),
        "check_suite" when action == "rerequested" => CheckEvents.ReadSuite(payload, self),
        "issue_comment" when action == "created" => CommentEvents.Read(payload),
        "installation" or "installation_repositories" => InstallationEvents.Read(payload, name, action),
        "repository" when action is "renamed" or "transferred" or "deleted" or "archived" or "unarchived" or "privatized" or "publicized" or "edited" =>
            InstallationEvents.ReadRepository(payload, action),
        "ping" => Ignored(name, payload, "the webhook works"),
        _ => Ignored(name, payload, action.Length > 0 && action.Length < 50 ? $"nothing is done for '{name}' with the action '{action}'" : $"nothing is done for '{Short(name)}'"),
    };

    // Two of these may well have one key: nothing comes of either.
    private static (Trigger Trigger, string Key) Ignored(string name, Payload payload, string why) =>
        (new Trigger.Nothing(why), EventKey.Of("other", name, payload.Raw("repository.id"), payload.Raw("action")));

    private static string Short(string name) => name.Length <= 50 ? name : name[..50];
}
