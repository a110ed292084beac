using System.Collections.Concurrent;
using System.Net;
using System.Security.Authentication;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Registry;

/// <summary>The HTTP clients, one per host because trust is per host, and which scheme each registry speaks.</summary>
internal sealed class RegistryTransport(RegistryOptions options) : IDisposable
{
    private const string DockerHubHost = "registry-1.docker.io";

    private readonly ConcurrentDictionary<string, HttpClient> _clients = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, Task<Uri>> _addresses = new(StringComparer.OrdinalIgnoreCase);

    public RegistryOptions Options => options;

    /// <summary>The address of a registry as it stands in references: HTTPS, or HTTP where that is allowed and nothing else is spoken.</summary>
    public Task<Uri> AddressOfAsync(string registry, CancellationToken cancellationToken)
    {
        var host = registry == ImageReference.DefaultRegistry ? DockerHubHost : registry;
        if (!MayBePlain(host))
        {
            return Task.FromResult(new Uri($"https://{host}/"));
        }

        return _addresses.TryGetValue(host, out var known) && known.IsCompletedSuccessfully
            ? known
            : _addresses[host] = FindSchemeAsync(host, cancellationToken);
    }

    /// <summary>The client for requests to this address.</summary>
    public HttpClient ClientFor(Uri address) => _clients.GetOrAdd(address.Authority, CreateClient);

    /// <summary>True if plain HTTP may be spoken with a host: it is this one, or the settings list it.</summary>
    public bool MayBePlain(string authority) => IsThisHost(authority) || IsInsecure(authority);

    public void Dispose()
    {
        foreach (var client in _clients.Values)
        {
            client.Dispose();
        }
    }

    private async Task<Uri> FindSchemeAsync(string host, CancellationToken cancellationToken)
    {
        var secure = new Uri($"https://{host}/");
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(options.IdleTimeout);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(secure, "v2/"));
            using var answer = await ClientFor(secure).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token).ConfigureAwait(false);
            return secure;
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError == HttpRequestError.SecureConnectionError && !IsAboutCertificate(exception))
        {
            return new Uri($"http://{host}/");
        }
        catch (HttpRequestException)
        {
            // Refused, unknown, a bad certificate: the request itself will meet the same and say so.
            return secure;
        }
    }

    // A server that speaks plain HTTP sends no certificate; one with a bad certificate must not be met without any.
    private static bool IsAboutCertificate(HttpRequestException exception) =>
        exception.InnerException is AuthenticationException inner
        && inner.Message.Contains("certificate", StringComparison.OrdinalIgnoreCase);

    private bool IsInsecure(string authority) => options.Insecure.Contains(authority, StringComparer.OrdinalIgnoreCase);

    private static bool IsThisHost(string authority)
    {
        var name = HostOf(authority);
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(name, out var address) && IPAddress.IsLoopback(address));
    }

    private static string HostOf(string authority) => authority.StartsWith('[')
        ? authority[1..Math.Max(1, authority.IndexOf(']'))]
        : authority.LastIndexOf(':') is var colon and > 0 ? authority[..colon] : authority;

    private HttpClient CreateClient(string authority)
    {
        var trust = CertificateTrust.Load(options.CertificateFolders, authority, IsInsecure(authority));
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            UseCookies = false,
            // The environment's proxy, but never for this host.
            UseProxy = !IsThisHost(authority),
            ConnectTimeout = options.ConnectTimeout,
            MaxResponseHeadersLength = 64,
            ResponseDrainTimeout = TimeSpan.FromMilliseconds(200),
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            SslOptions = trust.ToOptions(),
        };
        var client = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.ParseAdd("buildrunner");
        return client;
    }
}
