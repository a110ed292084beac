using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Registry;

/// <summary>Proves to one registry who asks: with a password, or with tokens that a token server hands out.</summary>
/// <remarks>
/// The token server is named by the registry, so it is checked: it must be reached by HTTPS, or be the registry's own host. Scopes are made here, never
/// taken from the challenge, and tokens go to the registry alone.
/// </remarks>
internal sealed class RegistryAuthorization(RegistryTransport transport, Uri registry, RegistryCredentials? credentials, TimeProvider time) : IDisposable
{
    private const int LongestToken = 1 << 20;
    private static readonly TimeSpan DefaultLifetime = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Dictionary<string, (AuthenticationHeaderValue Header, DateTimeOffset Until)> _tokens = [];
    private AuthorizationChallenge? _challenge;

    /// <summary>What is used to prove it; null: nothing, as a stranger.</summary>
    public RegistryCredentials? Credentials => credentials;

    /// <summary>Why no credentials were found where they were looked for; null if nothing went wrong.</summary>
    public string? Problem { get; init; }

    /// <summary>True once credentials were asked for and sent.</summary>
    public bool CredentialsWereSent { get; private set; }

    /// <summary>What to send along with a request of this scope; null as long as the registry has not asked for anything.</summary>
    public async Task<AuthenticationHeaderValue?> HeaderAsync(string scope, CancellationToken cancellationToken)
    {
        switch (_challenge)
        {
            case null:
                return null;
            case { IsBearer: false }:
                CredentialsWereSent = true;
                return Basic();
            default:
                return await TokenAsync(scope, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes the registry's refusal of a request. True if it should be sent again, with what <see cref="HeaderAsync"/> gives then.</summary>
    /// <param name="response">The refusal.</param>
    /// <param name="scope">The scope of the request.</param>
    /// <param name="sent">What had been sent along.</param>
    public bool Learn(HttpResponseMessage response, string scope, AuthenticationHeaderValue? sent)
    {
        var challenge = AuthorizationChallenge.Choose(response.Headers.WwwAuthenticate);
        if (challenge is null || (!challenge.IsBearer && (credentials?.User is null || sent is not null)))
        {
            return false;
        }

        lock (_tokens)
        {
            // Only what was refused is forgotten: another request may have got a new one meanwhile.
            if (sent is not null && _tokens.TryGetValue(scope, out var known) && Equals(known.Header, sent))
            {
                _tokens.Remove(scope);
            }
        }

        _challenge = challenge;
        return true;
    }

    public void Dispose() => _turn.Dispose();

    private AuthenticationHeaderValue Basic() =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credentials!.User}:{credentials.Secret}")));

    private async Task<AuthenticationHeaderValue> TokenAsync(string scope, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            lock (_tokens)
            {
                if (_tokens.TryGetValue(scope, out var known) && known.Until > time.GetUtcNow())
                {
                    return known.Header;
                }
            }

            var (header, lifetime) = await FetchTokenAsync(scope, cancellationToken).ConfigureAwait(false);
            lock (_tokens)
            {
                // A little early, so that none runs out on its way.
                _tokens[scope] = (header, time.GetUtcNow() + lifetime - TimeSpan.FromSeconds(5));
            }

            return header;
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<(AuthenticationHeaderValue Header, TimeSpan Lifetime)> FetchTokenAsync(string scope, CancellationToken cancellationToken)
    {
        var realm = CheckedRealm();
        CredentialsWereSent |= credentials is not null;
        using var request = TokenRequest(realm, scope);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(transport.Options.IdleTimeout);
        try
        {
            using var response = await transport.ClientFor(realm).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token).ConfigureAwait(false);
            var body = await BoundedBody.TryReadAsync(response, LongestToken, deadline.Token).ConfigureAwait(false)
                ?? throw RegistryErrors.Hostile(registry.Authority, "its login", "its token has no end");
            if (response.StatusCode != HttpStatusCode.OK)
            {
                var status = response.StatusCode == HttpStatusCode.NotFound ? HttpStatusCode.BadGateway : response.StatusCode;
                throw RegistryErrors.Refused(registry.Authority, $"a token (from {realm.Authority})", credentials, status, RegistryErrors.DetailOf(body), Problem);
            }

            return ParseToken(body, realm);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw RegistryErrors.NoAnswer(realm.Authority, $"a token for {registry.Authority}", exception);
        }
    }

    private Uri CheckedRealm()
    {
        if (!Uri.TryCreate(_challenge!.Realm, UriKind.Absolute, out var realm) || realm.UserInfo.Length > 0)
        {
            throw RegistryErrors.Hostile(registry.Authority, "its login", "it names no token server");
        }

        var isOwn = realm.Scheme == registry.Scheme && realm.Authority.Equals(registry.Authority, StringComparison.OrdinalIgnoreCase);
        return realm.Scheme == Uri.UriSchemeHttps || isOwn
            ? realm
            : throw RegistryErrors.Hostile(registry.Authority, "its login", $"it names the token server {realm.GetLeftPart(UriPartial.Authority)}, which is not reached by HTTPS");
    }

    private HttpRequestMessage TokenRequest(Uri realm, string scope)
    {
        var service = _challenge!.Service;
        if (credentials is { User: null })
        {
            // An identity token is exchanged (OAuth 2 in the distribution's token specification).
            return new HttpRequestMessage(HttpMethod.Post, realm)
            {
                Content = new FormUrlEncodedContent(
                [
                    new("grant_type", "refresh_token"), new("refresh_token", credentials.Secret), new("service", service ?? ""), new("scope", scope), new("client_id", "buildrunner"),
                ]),
            };
        }

        var query = new StringBuilder(realm.Query.TrimStart('?'));
        foreach (var (name, value) in new[] { ("service", service) }.Concat(scope.Split(' ').Select(part => ("scope", (string?)part))))
        {
            if (value is not null)
            {
                query.Append(query.Length > 0 ? "&" : "").Append(name).Append('=').Append(Uri.EscapeDataString(value));
            }
        }

        var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(realm) { Query = query.ToString() }.Uri);
        request.Headers.Authorization = credentials is null ? null : Basic();
        return request;
    }

    private (AuthenticationHeaderValue Header, TimeSpan Lifetime) ParseToken(byte[] body, Uri realm)
    {
        try
        {
            var answer = JsonSerializer.Deserialize(body, RegistryJson.Default.TokenJson);
            var token = answer?.Token is { Length: > 0 } named ? named : answer?.AccessToken;
            if (token is { Length: > 0 } && token.All(c => c is > ' ' and < '\x7f'))
            {
                return (new AuthenticationHeaderValue("Bearer", token), answer!.ExpiresIn is int seconds and > 0 ? TimeSpan.FromSeconds(seconds) : DefaultLifetime);
            }
        }
        catch (JsonException)
        {
            // Said below.
        }

        throw new ContainerException(ContainerFailure.RegistryUnavailable, $"The token server {realm.Authority} of the registry {registry.Authority} gave no token.", isTransient: true);
    }
}
