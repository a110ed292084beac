using BuildRunner.Server.Triggers;

namespace BuildRunner.Server.Forge;

/// <summary>Finds repositories at GitHub by their addresses, for whoever adds one here.</summary>
internal sealed class GitHubDirectory(GitHubOptions options, GitHubLogin login, GitHubConnections connections, GitHubTokens tokens, TimeProvider time)
{
    private const string Accept = "application/vnd.github+json";

    /// <summary>Whether GitHub can be asked anything at all.</summary>
    public bool IsConfigured => login.AppId is not null || login.Token is not null;

    /// <summary>True: tokens are made for one repository each. False: there is one personal token, which opens all that its owner may see.</summary>
    public bool HasNarrowTokens => login.AppId is not null;

    /// <summary><c>owner/name</c>, if an address is one of this GitHub's; null: it is not.</summary>
    public string? NameOf(string cloneUrl)
    {
        if (!IsConfigured || !Uri.TryCreate(cloneUrl, UriKind.Absolute, out var url) || !string.Equals(url.Authority, WebAuthority, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var path = url.AbsolutePath.Trim('/');
        path = path.EndsWith(".git", StringComparison.Ordinal) ? path[..^4] : path;
        return path.Split('/') is [{ Length: > 0 }, { Length: > 0 }] ? path : null;
    }

    /// <summary>What a repository is there.</summary>
    /// <exception cref="ForgeException">GitHub does not show it, or the app is not installed there.</exception>
    public async Task<ForgeRepository> DescribeAsync(string fullName, CancellationToken cancellationToken)
    {
        try
        {
            var installation = login.AppId is null ? null : (long?)await InstallationAsync(fullName, cancellationToken);
            var reply = await AskAsync(fullName, installation, cancellationToken);
            return new ForgeRepository
            {
                Id = reply.Id,
                FullName = reply.FullName ?? fullName,
                Owner = reply.Owner?.Id ?? 0,
                DefaultBranch = reply.DefaultBranch ?? "main",
                Private = reply.Private,
                Installation = installation,
            };
        }
        catch (Exception e) when (GitHubFaults.IsFault(e) && !cancellationToken.IsCancellationRequested)
        {
            throw GitHubFaults.Translate(e, fullName, time.GetUtcNow());
        }
    }

    /// <summary>The page of a repository.</summary>
    public string PageOf(string fullName) => $"{(options.WebUrl ?? new Uri($"https://{WebAuthority}")).GetLeftPart(UriPartial.Authority)}/{fullName}";

    private string WebAuthority => options.WebUrl?.Authority ?? (options.Api is { Host: "api.github.com" } ? "github.com" : options.Api.Authority);

    private async Task<long> InstallationAsync(string fullName, CancellationToken cancellationToken)
    {
        var app = connections.AsApp(login.Jwt(time.GetUtcNow()));
        try
        {
            return (await app.Get<InstallationReply>(new Uri($"repos/{fullName}/installation", UriKind.Relative), null, Accept).WaitAsync(cancellationToken)).Id;
        }
        catch (Octokit.NotFoundException e)
        {
            throw new ForgeException(ForgeFault.NotConfigured, $"the GitHub App is not installed for {fullName}; install it at the app's page, then add the repository again", e);
        }
    }

    private async Task<RepositoryReply> AskAsync(string fullName, long? installation, CancellationToken cancellationToken)
    {
        // The number is not known yet, so the token cannot be narrowed to it; it is used for this one question.
        var token = installation is { } id ? await tokens.OfInstallationAsync(id, cancellationToken) : login.Token!;
        return await connections.WithToken(token).Get<RepositoryReply>(new Uri($"repos/{fullName}", UriKind.Relative), null, Accept).WaitAsync(cancellationToken);
    }
}
