using Octokit;

namespace BuildRunner.Server.Forge;

/// <summary>Sees to it that a repository's events arrive, or says what to click.</summary>
internal sealed class GitHubHooks(GitHubOptions options, GitHubLogin login, ServerOptions server, GitHubConnections connections, GitHubDirectory directory, TimeProvider time)
{
    private const string Accept = "application/vnd.github+json";
    private static readonly string[] Events = ["push", "pull_request", "merge_group", "release", "deployment", "issue_comment", "repository"];

    /// <summary>Makes the webhook where that is possible and needed.</summary>
    /// <param name="fullName"><c>owner/name</c> at GitHub.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What was done or is left to do, as a sentence.</returns>
    public async Task<string> EnsureAsync(string fullName, CancellationToken cancellationToken)
    {
        if (login.WebhookSecrets is not [var secret, ..])
        {
            return $"GitHub:WebhookSecret is not set, so no webhook arrives here; {Instead}";
        }

        if (login.AppId is not null)
        {
            return "its events arrive by the app's webhook ('buildrunner doctor' on the server's machine checks that)";
        }

        if (server.PublicUrl is not { } root)
        {
            return $"Server:PublicUrl is not set, so GitHub cannot be told where to send webhooks; {Instead}";
        }

        var address = AppManifest.HookOf(root).AbsoluteUri;
        try
        {
            var body = new Dictionary<string, object>
            {
                ["name"] = "web",
                ["active"] = true,
                ["events"] = Events,
                ["config"] = new Dictionary<string, string> { ["url"] = address, ["content_type"] = "json", ["secret"] = secret, ["insecure_ssl"] = "0" },
            };
            await connections.WithToken(login.Token!).Post<HookReply>(new Uri($"repos/{fullName}/hooks", UriKind.Relative), body, Accept, cancellationToken);
            return $"its webhook was made: {address}";
        }
        catch (ApiValidationException e) when (e.ApiError?.Errors?.Any(error => error.Message?.Contains("already exists", StringComparison.Ordinal) == true) == true)
        {
            return $"its webhook is there already: {address}";
        }
        catch (Exception e) when (GitHubFaults.IsFault(e) && !cancellationToken.IsCancellationRequested)
        {
            var why = GitHubFaults.Translate(e, "the webhook could not be made", time.GetUtcNow()).Message;
            return $"{why}. At {directory.PageOf(fullName)}/settings/hooks press Add webhook; payload URL {address}, content type application/json, the secret that GitHub:WebhookSecret has, "
                + $"and of the individual events {string.Join(", ", Events)}";
        }
    }

    private string Instead => options.LookEvery > TimeSpan.Zero
        ? $"its branches and pull requests are looked at every {Core.Runs.Durations.Text(options.LookEvery)} instead"
        : "and GitHub:LookEvery is zero: nothing starts runs but people and schedules";
}

/// <summary>A webhook that was made; nothing of it is needed.</summary>
public sealed class HookReply
{
    /// <summary>Its number.</summary>
    public long Id { get; set; }
}
