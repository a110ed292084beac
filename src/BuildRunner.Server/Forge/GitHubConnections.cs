using Octokit;
using Octokit.Internal;

namespace BuildRunner.Server.Forge;

/// <summary>Connections to GitHub's API; all share one pool of sockets.</summary>
internal sealed class GitHubConnections : IDisposable
{
    private static readonly TimeSpan SocketLifetime = TimeSpan.FromMinutes(5);
    private readonly GitHubOptions options;
    private readonly HttpClientAdapter http;

    public GitHubConnections(GitHubOptions options)
    {
        this.options = options;
        http = new(() => new SocketsHttpHandler { PooledConnectionLifetime = SocketLifetime, AllowAutoRedirect = false });
        http.SetRequestTimeout(options.Timeout);
    }

    /// <summary>A connection as the app itself.</summary>
    public ApiConnection AsApp(string jwt) => With(new Credentials(jwt, AuthenticationType.Bearer));

    /// <summary>A connection with a token.</summary>
    public ApiConnection WithToken(string token) => With(new Credentials(token, AuthenticationType.Oauth));

    /// <summary>A connection without any credentials.</summary>
    public ApiConnection AsNobody() => With(Credentials.Anonymous);

    public void Dispose() => http.Dispose();

    private ApiConnection With(Credentials credentials) =>
        new(new Connection(new ProductHeaderValue("BuildRunner"), options.Api, new InMemoryCredentialStore(credentials), http, new SimpleJsonSerializer()));
}
