using Octokit;

namespace BuildRunner.Server.Forge.Checks;

/// <summary>Sends what <see cref="CheckPlan"/> says, and says how it was answered.</summary>
internal sealed class GitHubChecks
{
    private const string Accept = "application/vnd.github+json";
    private const int PageSize = 100;
    private readonly GitHubConnections connections;
    private readonly GitHubTokens tokens;
    private readonly TimeProvider time;

    public GitHubChecks(GitHubConnections connections, GitHubTokens tokens, TimeProvider time)
    {
        this.connections = connections;
        this.tokens = tokens;
        this.time = time;
    }

    /// <summary>Sends one request. Throws nothing but for misuse and <paramref name="cancellationToken"/>.</summary>
    /// <param name="place">The repository.</param>
    /// <param name="desired">What the check shall show.</param>
    /// <param name="request">What to send.</param>
    /// <param name="cancellationToken">Stops waiting; what was sent may then have been done.</param>
    public async Task<CheckAnswer> SendAsync(ForgePlace place, DesiredCheck desired, CheckRequest request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(place);
        ArgumentNullException.ThrowIfNull(desired);
        var purpose = request is CheckRequest.SetStatus ? TokenPurpose.Statuses : TokenPurpose.Checks;
        string token;
        try
        {
            token = await tokens.GetAsync(place, purpose, cancellationToken);
        }
        catch (ForgeException e)
        {
            return new CheckAnswer.Forbidden(e.Message);
        }
        catch (Exception e) when (GitHubFaults.IsFault(e) && !cancellationToken.IsCancellationRequested)
        {
            return WithoutToken(GitHubFaults.Translate(e, "an installation token", time.GetUtcNow()));
        }
        try
        {
            return await DoAsync(connections.WithToken(token), place, desired, request).WaitAsync(cancellationToken);
        }
        catch (Exception e) when (GitHubFaults.IsFault(e) && !cancellationToken.IsCancellationRequested)
        {
            var fault = GitHubFaults.Translate(e, $"check {desired.Name}", time.GetUtcNow());
            if (fault.Fault == ForgeFault.Unauthorized)
                tokens.Forget(place, purpose);
            return Answer(fault);
        }
    }

    private static async Task<CheckAnswer> DoAsync(ApiConnection connection, ForgePlace place, DesiredCheck desired, CheckRequest request)
    {
        var repository = $"repos/{place.FullName}";
        switch (request)
        {
            case CheckRequest.Create create:
                var made = await connection.Post<CheckReply>(Relative($"{repository}/check-runs"), CheckBodies.Create(desired, create), Accept, CancellationToken.None);
                return new CheckAnswer.Done(made.Id);
            case CheckRequest.Update update:
                await connection.Patch<CheckReply>(Relative($"{repository}/check-runs/{update.Id}"), CheckBodies.Update(desired, update), Accept);
                return new CheckAnswer.Done(update.Id);
            case CheckRequest.Count count:
                var counted = await connection.Get<CheckReply>(Relative($"{repository}/check-runs/{count.Id}"), null, Accept);
                return new CheckAnswer.Done(count.Id, counted.Output?.AnnotationsCount ?? 0);
            case CheckRequest.Find:
                return await FindAsync(connection, repository, desired);
            case CheckRequest.SetStatus:
                await connection.Post<StatusReply>(Relative($"{repository}/statuses/{desired.Commit}"), CheckBodies.Status(desired), Accept, CancellationToken.None);
                return new CheckAnswer.Done();
            default:
                throw new ArgumentException($"{request} is nothing to send", nameof(request));
        }
    }

    // Of all checks of this name at this commit, older runs' among them, the one with our own key.
    private static async Task<CheckAnswer> FindAsync(ApiConnection connection, string repository, DesiredCheck desired)
    {
        var key = desired.Key.ToString();
        for (var page = 1; page <= 10; page++)
        {
            var query = new Dictionary<string, string>
            {
                ["check_name"] = desired.Name,
                ["filter"] = "all",
                ["per_page"] = $"{PageSize}",
                ["page"] = $"{page}",
            };
            var list = await connection.Get<CheckListReply>(Relative($"{repository}/commits/{desired.Commit}/check-runs"), query, Accept);
            if (list.CheckRuns?.FirstOrDefault(check => check.ExternalId == key) is { } found)
                return new CheckAnswer.Done(found.Id, found.Output?.AnnotationsCount ?? 0);
            if (list.CheckRuns is not { Count: PageSize })
                break;
        }
        return new CheckAnswer.Done();
    }

    // Nothing of the check itself was sent: whatever became of the token, the check is as it was.
    private static CheckAnswer WithoutToken(ForgeException fault) => fault.Fault switch
    {
        ForgeFault.Limited => Answer(fault),
        // 422: the installation does not have this permission. 404: there is no such installation.
        ForgeFault.Refused or ForgeFault.NotFound or ForgeFault.Forbidden => new CheckAnswer.Forbidden(fault.Message),
        _ => new CheckAnswer.Unauthorized(),
    };

    private static CheckAnswer Answer(ForgeException fault) => fault.Fault switch
    {
        ForgeFault.Limited => new CheckAnswer.Limited(fault.RetryAt!.Value),
        ForgeFault.Unauthorized => new CheckAnswer.Unauthorized(),
        ForgeFault.Forbidden => new CheckAnswer.Forbidden(fault.Message),
        ForgeFault.NotFound => new CheckAnswer.NotFound(),
        ForgeFault.Refused => new CheckAnswer.Refused(fault.Message),
        _ => new CheckAnswer.Unanswered(fault.Message),
    };

    private static Uri Relative(string path) => new(path, UriKind.Relative);
}
