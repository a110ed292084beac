using System.Text.Json;
using System.Text.Json.Nodes;
using BuildRunner.Server.Triggers;
using BuildRunner.Server.Triggers.GitHub;
using BuildRunner.Testing.GitHub;

namespace BuildRunner.Server.Tests.Triggers.GitHub;

/// <summary>What BuildRunner, as app 29310, makes of real payloads.</summary>
internal static class Samples
{
    /// <summary>Whose checks some of the samples are about.</summary>
    public const long App = 29310;

    /// <summary>The folders of the package: GitHub itself, and versions of GitHub Enterprise.</summary>
    public static readonly string[] Sources = WebhookSamples.Sources;

    /// <summary>Every sample of a source, with its event's name.</summary>
    public static IReadOnlyList<(string Name, JsonElement Payload)> Of(string source) => WebhookSamples.Of(source);

    /// <summary>The first sample of an event and action that meets a condition, to be changed by a test.</summary>
    public static JsonObject First(string name, string? action = null, Func<JsonNode, bool>? where = null) => WebhookSamples.First(name, action, where);

    /// <summary>What BuildRunner makes of a payload.</summary>
    public static GitHubEvent Read(string name, JsonNode payload)
    {
        using var document = JsonDocument.Parse(payload.ToJsonString());
        return GitHubEvents.Read(name, document.RootElement, new GitHubIdentity(App));
    }

    /// <summary>The run that a payload asks for.</summary>
    public static RunRequest Run(string name, JsonNode payload) => Assert.IsType<Trigger.StartRun>(Read(name, payload).Trigger).Request;

    /// <summary>What a sample should lead to, by GitHub's documentation of its event.</summary>
    public static Type Expected(string name, JsonElement payload)
    {
        var action = payload.TryGetProperty("action", out var value) ? value.GetString() : "";
        return (name, action) switch
        {
            ("push", _) => payload.GetProperty("deleted").GetBoolean() ? typeof(Trigger.Nothing) : typeof(Trigger.StartRun),
            ("pull_request", "opened" or "synchronize" or "reopened" or "ready_for_review" or "closed") => typeof(Trigger.StartRun),
            ("pull_request", "edited" or "labeled" or "unlabeled" or "milestoned" or "demilestoned" or "assigned" or "unassigned" or "converted_to_draft") => typeof(Trigger.StartRun),
            ("merge_group", "checks_requested") => typeof(Trigger.StartRun),
            ("release", "published") => typeof(Trigger.StartRun),
            ("deployment", "created") => typeof(Trigger.StartRun),
            ("check_suite", "rerequested") when payload.GetProperty("check_suite").GetProperty("app").GetProperty("id").GetInt64() == App => typeof(Trigger.Rerun),
            ("installation" or "installation_repositories", _) => typeof(Trigger.InstallationChanged),
            ("repository", "renamed" or "transferred" or "deleted" or "archived" or "unarchived" or "privatized" or "publicized" or "edited") => typeof(Trigger.RepositoryChanged),
            _ => typeof(Trigger.Nothing),
        };
    }
}
