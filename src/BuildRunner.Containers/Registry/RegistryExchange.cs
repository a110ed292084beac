using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using BuildRunner.Containers.Engine;

namespace BuildRunner.Containers.Registry;

/// <summary>Sends requests to one registry: with proof of identity, over redirects, and again after failures that pass.</summary>
/// <remarks>
/// Proof is attached only to requests that go to the registry itself: same scheme, host and port. A redirect never leads from HTTPS to HTTP.
/// </remarks>
internal sealed class RegistryExchange(RegistryTransport transport, Uri registry, RegistryAuthorization authorization, TimeProvider time)
{
    private const int MostRedirects = 5;

    public Uri Registry => registry;

    public RegistryOptions Options => transport.Options;

    public RegistryAuthorization Authorization => authorization;

    /// <summary>Sends a request and returns the answer's head; statuses other than those for "again" and "who are you" are the caller's.</summary>
    /// <param name="path">Below the registry's address, or an absolute address.</param>
    /// <param name="make">Makes the request anew for every attempt; its address is set here.</param>
    /// <param name="scope">What it does, for tokens: <c>repository:NAME:pull</c>.</param>
    /// <param name="subject">What it is about, for messages.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="ContainerException">No answer was had.</exception>
    public async Task<HttpResponseMessage> SendAsync(
        string path, Func<HttpRequestMessage> make, string scope, string subject, CancellationToken cancellationToken)
    {
        var pause = Options.FirstPause;
        for (var attempt = 1; ; attempt++, pause *= 2)
        {
            try
            {
                var response = await SendOnceAsync(new Uri(registry, path), make, scope, subject, cancellationToken).ConfigureAwait(false);
                if (!IsPassing(response.StatusCode) || attempt >= Options.Attempts || AskedPause(response) > Options.LongestPause)
                {
                    return response;
                }

                var asked = AskedPause(response);
                response.Dispose();
                await PauseAsync(asked > pause ? asked.Value : pause, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (IsBroken(exception, cancellationToken))
            {
                if (attempt >= Math.Min(Options.Attempts, AttemptsFor(exception)))
                {
                    throw RegistryErrors.NoAnswer(registry.Authority, subject, exception);
                }

                await PauseAsync(pause, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Sends a request once: for one that changes something, of which nobody knows what came of it if the connection breaks.</summary>
    /// <exception cref="HttpRequestException">The connection broke, or was not had.</exception>
    public Task<HttpResponseMessage> SendUnrepeatedAsync(
        Uri address, Func<HttpRequestMessage> make, string scope, string subject, CancellationToken cancellationToken) =>
        SendOnceAsync(address, make, scope, subject, cancellationToken);

    /// <summary>The address that an answer names as the place to go on, checked as a redirect is.</summary>
    public Uri CheckedLocation(Uri from, Uri? location, string subject) => CheckedRedirect(from, location, 1, subject);

    /// <summary>True for an answer that a later attempt may turn into another one.</summary>
    public static bool MayPass(HttpResponseMessage response) => IsPassing(response.StatusCode);

    /// <summary>Waits before another attempt, a little longer or shorter than said, so that many who failed together do not return together.</summary>
    public Task PauseAsync(TimeSpan pause, CancellationToken cancellationToken)
    {
        var bounded = pause < Options.LongestPause ? pause : Options.LongestPause;
        return Task.Delay(bounded * (RandomNumberGenerator.GetInt32(80, 121) / 100.0), time, cancellationToken);
    }

    /// <summary>True if a connection failed or an answer did not come, and nobody gave up.</summary>
    public static bool IsBroken(Exception exception, CancellationToken cancellationToken) =>
        exception is HttpRequestException or IOException or SocketException
        || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    /// <summary>The error for an answer that is no success. Reads its body for a reason, and disposes it.</summary>
    public async Task<ContainerException> RefusalAsync(HttpResponseMessage response, string subject, CancellationToken cancellationToken)
    {
        using var answer = response;
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Options.IdleTimeout);
        string? detail = null;
        try
        {
            detail = RegistryErrors.DetailOf(await BoundedBody.TryReadAsync(answer, 64 * 1024, deadline.Token).ConfigureAwait(false) ?? []);
        }
        catch (Exception exception) when (IsBroken(exception, cancellationToken))
        {
            // The status alone then.
        }

        return RegistryErrors.Refused(registry.Authority, subject, authorization.Credentials, answer.StatusCode, detail, authorization.Problem);
    }

    private async Task<HttpResponseMessage> SendOnceAsync(
        Uri address, Func<HttpRequestMessage> make, string scope, string subject, CancellationToken cancellationToken)
    {
        var learned = 0;
        for (var redirects = 0; ;)
        {
            using var request = make();
            request.RequestUri = address;
            var isRegistry = IsOrigin(address);
            var proof = isRegistry ? await authorization.HeaderAsync(scope, cancellationToken).ConfigureAwait(false) : null;
            request.Headers.Authorization = proof;
            var response = await HeadAsync(address, request, cancellationToken).ConfigureAwait(false);
            // Twice: a token may be refused because it has run out.
            if (response.StatusCode == HttpStatusCode.Unauthorized && isRegistry && learned < 2 && authorization.Learn(response, scope, proof))
            {
                learned++;
                response.Dispose();
                continue;
            }

            if (!IsRedirect(response) || (request.Method != HttpMethod.Get && request.Method != HttpMethod.Head))
            {
                return response;
            }

            using (response)
            {
                address = CheckedRedirect(address, response.Headers.Location, ++redirects, subject);
            }
        }
    }

    private async Task<HttpResponseMessage> HeadAsync(Uri address, HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Options.ConnectTimeout + Options.IdleTimeout);
        if (request.Content is UploadContent upload)
        {
            // The answer comes after all was sent, however long that takes: each piece that goes out begins the wait anew.
            upload.Sent = () => deadline.CancelAfter(Options.AnswerTimeout);
        }

        return await transport.ClientFor(address).SendAsync(request, HttpCompletionOption.ResponseHeadersRead, deadline.Token).ConfigureAwait(false);
    }

    private Uri CheckedRedirect(Uri from, Uri? location, int redirects, string subject)
    {
        if (redirects > MostRedirects)
        {
            throw RegistryErrors.Hostile(registry.Authority, subject, $"more than {MostRedirects} redirects");
        }

        if (location is null || !Uri.TryCreate(from, location, out var to) || to.UserInfo.Length > 0)
        {
            throw RegistryErrors.Hostile(registry.Authority, subject, "a redirect to nowhere");
        }

        var isSafe = to.Scheme == Uri.UriSchemeHttps
            || (to.Scheme == Uri.UriSchemeHttp && from.Scheme == Uri.UriSchemeHttp && transport.MayBePlain(to.Authority));
        return isSafe ? to : throw RegistryErrors.Hostile(registry.Authority, subject, $"a redirect to {to.GetLeftPart(UriPartial.Authority)}, which is not HTTPS");
    }

    private bool IsOrigin(Uri address) =>
        address.Scheme == registry.Scheme && address.Authority.Equals(registry.Authority, StringComparison.OrdinalIgnoreCase);

    private static bool IsRedirect(HttpResponseMessage response) =>
        response.StatusCode is HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
            or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;

    private static bool IsPassing(HttpStatusCode status) =>
        status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or HttpStatusCode.InternalServerError
            or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;

    private TimeSpan? AskedPause(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - time.GetUtcNow(),
        _ => null,
    };

    // Nobody listens, or the name does not exist: that seldom changes within a second, and somebody is waiting.
    private static int AttemptsFor(Exception exception) => exception switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => 1,
        HttpRequestException { InnerException: SocketException { SocketErrorCode: SocketError.HostNotFound } } => 1,
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => 2,
        OperationCanceledException => 2,
        _ => int.MaxValue,
    };
}
