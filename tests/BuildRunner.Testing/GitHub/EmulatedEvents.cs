using System.Text.Json.Nodes;

namespace BuildRunner.Testing.GitHub;

/// <summary>What GitHub would tell of the emulator's repository: its own samples with the emulator's numbers in them, because the emulator tells of little itself.</summary>
public sealed class EmulatedEvents
{
    private readonly JsonNode repository;
    private readonly JsonNode kim;
    private readonly JsonNode stranger;
    private long comments;

    private EmulatedEvents(JsonNode repository, JsonNode kim, JsonNode stranger)
    {
        this.repository = repository;
        this.kim = kim;
        this.stranger = stranger;
    }

    /// <summary>Asks the emulator who is who.</summary>
    public static async Task<EmulatedEvents> OfAsync(GitHubEmulator github)
    {
        ArgumentNullException.ThrowIfNull(github);
        return new(
            await github.AsKimAsync(HttpMethod.Get, "repos/kim/shop"),
            await github.AsKimAsync(HttpMethod.Get, "users/kim"),
            await github.AsKimAsync(HttpMethod.Get, "users/stranger"));
    }

    /// <summary>The repository's number.</summary>
    public long Repository => (long)repository["id"]!;

    /// <summary>A push of a commit.</summary>
    public JsonObject Push(string commit, string branch = "main", string message = "Change the pipeline", string? before = null)
    {
        var payload = WebhookSamples.First("push", where: p => ((string)p["ref"]!).StartsWith("refs/heads/", StringComparison.Ordinal));
        payload["ref"] = $"refs/heads/{branch}";
        payload["before"] = before ?? payload["before"]!.DeepClone();
        payload["after"] = commit;
        payload["deleted"] = false;
        payload["head_commit"] ??= new JsonObject();
        payload["head_commit"]!["id"] = commit;
        payload["head_commit"]!["message"] = message;
        return About(payload, kim);
    }

    /// <summary>A deployment that somebody asked for.</summary>
    /// <param name="number">Its number.</param>
    /// <param name="commit">What is to be deployed.</param>
    /// <param name="name">What was asked for: a branch, a tag, or the beginning of a commit.</param>
    public JsonObject Deployment(long number, string commit, string name)
    {
        var payload = WebhookSamples.First("deployment", "created");
        payload["deployment"]!["id"] = number;
        payload["deployment"]!["sha"] = commit;
        payload["deployment"]!["ref"] = name;
        return About(payload, kim);
    }

    /// <summary>A pull request of the stranger's, from his own fork.</summary>
    /// <param name="action">What happened: <c>opened</c>, <c>synchronize</c> …</param>
    /// <param name="number">Its number.</param>
    /// <param name="head">Its head's commit. GitHub shows commits of forks in the repository itself.</param>
    public JsonObject ForkPull(string action, int number, string head)
    {
        var payload = WebhookSamples.First("pull_request", action);
        payload["number"] = number;
        var pull = payload["pull_request"]!;
        pull["number"] = number;
        pull["title"] = "Improve; touch /tmp/owned $(id) `id` \"'";
        pull["user"] = stranger.DeepClone();
        pull["author_association"] = "NONE";
        pull["updated_at"] = $"2026-01-01T00:00:{Convert.ToInt32(head[..4], 16) % 60:00}Z";
        pull["head"]!["sha"] = head;
        pull["head"]!["ref"] = "main";
        pull["head"]!["user"] = stranger.DeepClone();
        pull["head"]!["repo"] = new JsonObject
        {
            ["id"] = Repository + 1_000_000,
            ["full_name"] = "stranger/shop",
            ["owner"] = stranger.DeepClone(),
        };
        pull["base"]!["ref"] = "main";
        pull["base"]!["repo"] = repository.DeepClone();
        return About(payload, stranger);
    }

    /// <summary>A comment on a pull request.</summary>
    public JsonObject Comment(int number, string body, bool byStranger = false)
    {
        var payload = WebhookSamples.First("issue_comment", "created");
        var who = byStranger ? stranger : kim;
        payload["issue"]!["number"] = number;
        payload["issue"]!["pull_request"] = new JsonObject { ["url"] = "https://example.com/" };
        payload["comment"]!["id"] = Interlocked.Increment(ref comments);
        payload["comment"]!["body"] = body;
        payload["comment"]!["user"] = who.DeepClone();
        return About(payload, who);
    }

    /// <summary>A button that was pressed at a check.</summary>
    /// <param name="check">The check, as the emulator shows it.</param>
    /// <param name="button">Its identifier.</param>
    /// <param name="byStranger">Who pressed it.</param>
    public JsonObject Button(JsonNode check, string button, bool byStranger = false)
    {
        ArgumentNullException.ThrowIfNull(check);
        var payload = WebhookSamples.First("check_run", "requested_action");
        payload["requested_action"] = new JsonObject { ["identifier"] = button };
        payload["check_run"] = check.DeepClone();
        return About(payload, byStranger ? stranger : kim);
    }

    private JsonObject About(JsonObject payload, JsonNode sender)
    {
        payload["repository"] = repository.DeepClone();
        payload["sender"] = sender.DeepClone();
        payload["installation"] = new JsonObject { ["id"] = GitHubEmulator.Installation };
        return payload;
    }
}
