using System.Globalization;
using BuildRunner.Server.Telemetry;
using Octokit;
using Octokit.Internal;

namespace BuildRunner.Server.Forge;

/// <summary>Connections to GitHub's API; all share one pool of sockets.</summary>
internal sealed class GitHubConnections(GitHubOptions options) : IDisposable
{
    private static readonly TimeSpan SocketLifetime = TimeSpan.FromMinutes(5);

    // Made when it is first needed: most servers never ask GitHub anything, and the client alone is more than a megabyte.
    private HttpClientAdapter? http;
    private bool isMade;
    private object? making;

    /// <summary>A connection as the app itself.</summary>
    public ApiConnection AsApp(string jwt) => With(new Credentials(jwt, AuthenticationType.Bearer));

    /// <summary>A connection with a token.</summary>
    public ApiConnection WithToken(string token) => With(new Credentials(token, AuthenticationType.Oauth));

    /// <summary>A connection without any credentials.</summary>
    public ApiConnection AsNobody() => With(Credentials.Anonymous);

    public void Dispose() => http?.Dispose();

    private ApiConnection With(Credentials credentials)
    {
        var shared = LazyInitializer.EnsureInitialized(ref http, ref isMade, ref making, Make);
        return new(new Connection(new ProductHeaderValue("BuildRunner"), options.Api, new InMemoryCredentialStore(credentials), shared!, new SimpleJsonSerializer()));
    }

    private HttpClientAdapter Make()
    {
        var made = new HttpClientAdapter(() => new CountedRequests { InnerHandler = new SocketsHttpHandler { PooledConnectionLifetime = SocketLifetime, AllowAutoRedirect = false } });
        made.SetRequestTimeout(options.Timeout);
        return made;
    }

    /// <summary>Counts requests, and notes how many more GitHub allows (its headers <c>X-RateLimit-Remaining</c> and <c>X-RateLimit-Resource</c>).</summary>
    private sealed class CountedRequests : DelegatingHandler
    {
        // What an answer names becomes a label; of a server that names many, none does.
        private static readonly string[] Resources = ["core", "search", "graphql", "integration_manifest", "code_search"];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var status = "none";
            try
            {
                var answer = await base.SendAsync(request, cancellationToken);
                status = ((int)answer.StatusCode).ToString(CultureInfo.InvariantCulture);
                if (long.TryParse(HeaderOf(answer, "X-RateLimit-Remaining"), NumberStyles.None, CultureInfo.InvariantCulture, out var left))
                {
                    var resource = HeaderOf(answer, "X-RateLimit-Resource") is { } named && Resources.Contains(named) ? named : "core";
                    ServerMeter.GitHubLeft.Record(left, new KeyValuePair<string, object?>("resource", resource));
                }

                return answer;
            }
            finally
            {
                ServerMeter.GitHubRequests.Add(1, new KeyValuePair<string, object?>("status", status));
            }
        }

        private static string? HeaderOf(HttpResponseMessage answer, string name) => answer.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
    }
}
