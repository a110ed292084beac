using System.Text.RegularExpressions;

namespace BuildRunner.Server.Triggers.GitHub;

/// <summary>A merge queue wants checks for what it would merge.</summary>
/// <remarks>
/// Runs what pull requests run, under the same names: required checks are the same for both. It is in the repository itself, put there by GitHub for
/// somebody with write access, so it is no stranger's.
/// </remarks>
internal static partial class MergeGroupEvents
{
    /// <summary>Reads the event.</summary>
    public static (Trigger Trigger, string Key) Read(Payload payload)
    {
        var repository = payload.Repository();
        var (head, target) = (payload.Ref("merge_group.head_ref"), payload.Ref("merge_group.base_ref"));
        var commit = payload.Commit("merge_group.head_sha");
        var message = payload.Text("merge_group.head_commit.message");
        var branch = target.StartsWith("refs/heads/", StringComparison.Ordinal) ? target["refs/heads/".Length..] : "";
        var number = PullRequestNumber().Match(head) is { Success: true } match && long.TryParse(match.Groups[1].ValueSpan, out var value) ? value : (long?)null;
        var request = new RunRequest
        {
            Repository = repository,
            Event = new()
            {
                Kind = "pull_request",
                Branch = branch,
                Ref = head,
                Commit = commit,
                Repository = repository.FullName,
                DefaultBranch = repository.DefaultBranch,
            },
            Facts = Facts.Of(payload, new()
            {
                Message = message,
                Timestamp = payload.Seconds("merge_group.head_commit.timestamp"),
                Author = payload.OptionalName("sender.login"),
                AuthorEmail = payload.OptionalName("merge_group.head_commit.author.email"),
                SourceBranch = head.StartsWith("refs/heads/", StringComparison.Ordinal) ? head["refs/heads/".Length..] : null,
                TargetBranch = branch,
                PullRequest = number,
            }, payload.OptionalName("repository.html_url")),
            Actor = payload.Person("sender"),
            Title = Facts.FirstLine(message),
            ChangesSince = payload.Commit("merge_group.base_sha"),
        };
        return (new Trigger.StartRun(request), EventKey.Of("merge_group", payload.Raw("repository.id"), head, commit, payload.Raw("merge_group.base_sha")));
    }

    [GeneratedRegex(@"/pr-([0-9]{1,9})-[0-9a-f]{40}$", RegexOptions.CultureInvariant)]
    private static partial Regex PullRequestNumber();
}

/// <summary>A release, or a pre-release, is published. GitHub sends <c>released</c> or <c>prereleased</c> besides; one of them is enough.</summary>
internal static class ReleaseEvents
{
    /// <summary>Reads the event. It does not tell the tag's commit.</summary>
    public static (Trigger Trigger, string Key) Read(Payload payload)
    {
        var repository = payload.Repository();
        var tag = payload.Name("release.tag_name");
        var reference = "refs/tags/" + tag;
        var key = EventKey.Of("release", payload.Raw("repository.id"), payload.Raw("release.id"), payload.Raw("release.published_at"));
        if (!GitName.IsRef(reference))
            return (new Trigger.Nothing("the release's tag is not a name that git allows"), key);
        var target = payload.OptionalName("release.target_commitish");
        var title = payload.Text("release.name");
        var facts = Facts.Of(payload, new() { Message = payload.Text("release.body"), Author = payload.OptionalName("release.author.login") }, payload.OptionalName("release.html_url"));
        var request = new RunRequest
        {
            Repository = repository,
            Event = new()
            {
                Kind = "release",
                Branch = target is not null && GitName.IsRef("refs/heads/" + target) && !GitName.IsCommit(target) ? target : repository.DefaultBranch,
                Ref = reference,
                Repository = repository.FullName,
                DefaultBranch = repository.DefaultBranch,
            },
            Facts = facts with { Pipeline = facts.Pipeline with { ReleaseTitle = title, ReleasePre = payload.Flag("release.prerelease") } },
            Actor = payload.Person("sender"),
            Title = Facts.FirstLine(title.Length > 0 ? title : tag),
        };
        return (new Trigger.StartRun(request), key);
    }
}

/// <summary>A deployment is asked for.</summary>
internal static class DeploymentEvents
{
    /// <summary>Reads the event.</summary>
    public static (Trigger Trigger, string Key) Read(Payload payload)
    {
        var repository = payload.Repository();
        var commit = payload.Commit("deployment.sha");
        var name = payload.Name("deployment.ref");
        var branch = commit.StartsWith(name, StringComparison.Ordinal) ? repository.DefaultBranch : name;
        var reference = branch.StartsWith("refs/", StringComparison.Ordinal) ? branch : "refs/heads/" + branch;
        var key = EventKey.Of("deployment", payload.Raw("repository.id"), payload.Raw("deployment.id"));
        if (!GitName.IsRef(reference))
            return (new Trigger.Nothing("the deployment's ref is not a name that git allows"), key);
        var message = payload.Text("deployment.description");
        var facts = Facts.Of(payload, new() { Message = message, Author = payload.OptionalName("deployment.creator.login") }, payload.OptionalName("repository.html_url"));
        var environment = payload.OptionalName("deployment.environment");
        var request = new RunRequest
        {
            Repository = repository,
            Event = new()
            {
                Kind = "deployment",
                Branch = branch,
                Ref = reference,
                Commit = commit,
                Repository = repository.FullName,
                DefaultBranch = repository.DefaultBranch,
            },
            Facts = facts with { Pipeline = facts.Pipeline with { DeployTarget = environment, DeployTask = payload.OptionalName("deployment.task") } },
            Actor = payload.Person("sender"),
            Title = Facts.FirstLine(message.Length > 0 ? message : $"deploy {name} to {environment}"),
        };
        return (new Trigger.StartRun(request), key);
    }
}
