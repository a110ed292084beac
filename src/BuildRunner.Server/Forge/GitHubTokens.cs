using System.Collections.Concurrent;
using Octokit;

namespace BuildRunner.Server.Forge;

/// <summary>What a token is for; it permits nothing else.</summary>
internal enum TokenPurpose
{
    /// <summary>Read files, comparisons, pull requests and people's permissions.</summary>
    Read,

    /// <summary>Write checks.</summary>
    Checks,

    /// <summary>Write commit statuses.</summary>
    Statuses,

    /// <summary>Clone: read the content of one repository. The only token that leaves the server.</summary>
    Clone,
}

/// <summary>Tokens for one repository and one purpose each: made when they are needed, kept until shortly before they end, made anew after a refusal.</summary>
internal sealed class GitHubTokens
{
    // GitHub's live for an hour; a job that gets one now shall not lose it on its way.
    private static readonly TimeSpan Reserve = TimeSpan.FromMinutes(10);
    private readonly GitHubLogin login;
    private readonly GitHubConnections connections;
    private readonly TimeProvider time;
    private readonly ConcurrentDictionary<(long Installation, long Repository, TokenPurpose Purpose), Slot> slots = new();

    public GitHubTokens(GitHubLogin login, GitHubConnections connections, TimeProvider time)
    {
        this.login = login;
        this.connections = connections;
        this.time = time;
    }

    /// <summary>A token that counts now.</summary>
    /// <param name="place">For which repository.</param>
    /// <param name="purpose">What for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="ForgeException">There is no app and no token, or the app is not installed there.</exception>
    public async Task<string> GetAsync(ForgePlace place, TokenPurpose purpose, CancellationToken cancellationToken)
    {
        if (login.AppId is null)
            return login.Token ?? throw new ForgeException(ForgeFault.NotConfigured, "neither GitHub:AppId nor GitHub:Token is set, and no app was made at the page /github-app; BuildRunner cannot speak to GitHub");
        var installation = place.Installation
            ?? throw new ForgeException(ForgeFault.NotConfigured, $"the GitHub App is not installed for {place.FullName}; install it at the app's page");
        var slot = slots.GetOrAdd((installation, place.Repository, purpose), _ => new());
        await slot.Gate.WaitAsync(cancellationToken);
        try
        {
            if (slot.Token is not { } known || known.ExpiresAt - Reserve <= time.GetUtcNow())
                slot.Token = await CreateAsync(installation, place.Repository, purpose, cancellationToken);
            return slot.Token.Token;
        }
        finally
        {
            slot.Gate.Release();
        }
    }

    /// <summary>A token that can read what an installation shows of its repositories, and nothing in them.</summary>
    public async Task<string> OfInstallationAsync(long installation, CancellationToken cancellationToken)
    {
        var connection = connections.AsApp(login.Jwt(time.GetUtcNow()));
        var body = new Dictionary<string, object> { ["permissions"] = new Dictionary<string, string> { ["metadata"] = "read" } };
        var made = await connection
            .Post<AccessToken>(new Uri($"app/installations/{installation}/access_tokens", UriKind.Relative), body, "application/vnd.github+json", cancellationToken);
        return made.Token;
    }

    /// <summary>Forgets a token that was refused, so that the next one is new.</summary>
    public void Forget(ForgePlace place, TokenPurpose purpose)
    {
        if (place.Installation is { } installation && slots.TryGetValue((installation, place.Repository, purpose), out var slot))
            slot.Token = null;
    }

    private async Task<AccessToken> CreateAsync(long installation, long repository, TokenPurpose purpose, CancellationToken cancellationToken)
    {
        var connection = connections.AsApp(login.Jwt(time.GetUtcNow()));
        var body = new Dictionary<string, object>
        {
            ["repository_ids"] = new[] { repository },
            ["permissions"] = Permissions(purpose),
        };
        return await connection.Post<AccessToken>(new Uri($"app/installations/{installation}/access_tokens", UriKind.Relative), body, "application/vnd.github+json", cancellationToken);
    }

    private static Dictionary<string, object> Permissions(TokenPurpose purpose) => purpose switch
    {
        TokenPurpose.Read => new() { ["contents"] = "read", ["pull_requests"] = "read", ["metadata"] = "read" },
        TokenPurpose.Checks => new() { ["checks"] = "write" },
        TokenPurpose.Statuses => new() { ["statuses"] = "write" },
        _ => new() { ["contents"] = "read" },
    };

    private sealed class Slot
    {
        public SemaphoreSlim Gate { get; } = new(1, 1);

        public volatile AccessToken? Token;
    }
}

/// <summary>A repository at the forge.</summary>
/// <param name="Repository">Its number.</param>
/// <param name="FullName"><c>owner/name</c>.</param>
/// <param name="Installation">The app's installation there; null: none.</param>
internal sealed record ForgePlace(long Repository, string FullName, long? Installation);
