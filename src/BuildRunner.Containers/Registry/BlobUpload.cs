using System.Net;
using System.Net.Http.Headers;
using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage.Archives;

namespace BuildRunner.Containers.Registry;

/// <summary>Puts one blob into a repository (distribution specification, "Push").</summary>
/// <remarks>
/// 1. Is it there? Then nothing is sent.
/// 2. Can the registry take it from another of its repositories? Then nothing is sent either.
/// 3. Begin an upload and send piece after piece. After a cut, ask how far the registry got, and go on from there; begin anew if it has forgotten.
/// 4. Close the upload with the digest, which the registry checks.
/// </remarks>
internal sealed class BlobUpload(RegistryExchange exchange, string repository, BlobDescriptor blob, BlobContent content, Action<int> sent)
{
    private readonly string _subject = $"the layer {blob.Digest} of an upload to {repository}";
    private readonly string _scope = ScopeOf(repository, null);
    private Uri? _session;
    private long _at;
    private long _leastChunk;

    /// <summary>What an upload needs a token for.</summary>
    public static string ScopeOf(string repository, string? mountFrom) =>
        $"repository:{repository}:pull,push" + (mountFrom is null ? "" : $" repository:{mountFrom}:pull");

    /// <summary>Uploads the blob.</summary>
    /// <param name="mountFrom">A repository of the same registry that gave it to us once; null: none is known.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<UploadOutcome> RunAsync(string? mountFrom, CancellationToken cancellationToken)
    {
        if (await IsThereAsync(cancellationToken))
        {
            return UploadOutcome.WasThere;
        }

        if (mountFrom is not null && await TryMountAsync(mountFrom, cancellationToken))
        {
            return UploadOutcome.Mounted;
        }

        await SendAsync(cancellationToken);
        return UploadOutcome.Sent;
    }

    private async Task<bool> IsThereAsync(CancellationToken cancellationToken)
    {
        using var response = await exchange.SendAsync(
            $"v2/{repository}/blobs/{blob.Digest}", () => new HttpRequestMessage(HttpMethod.Head, (Uri?)null), _scope, _subject, cancellationToken);
        return response.StatusCode switch
        {
            HttpStatusCode.OK => true,
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => throw await exchange.RefusalAsync(response, _subject, cancellationToken),
            _ => false,
        };
    }

    private async Task<bool> TryMountAsync(string from, CancellationToken cancellationToken)
    {
        var path = $"v2/{repository}/blobs/uploads/?mount={Uri.EscapeDataString(blob.Digest.ToString())}&from={Uri.EscapeDataString(from)}";
        using var response = await exchange.SendAsync(path, Begin, ScopeOf(repository, from), _subject, cancellationToken);
        if (response.StatusCode == HttpStatusCode.Created)
        {
            return true;
        }

        // It began an upload instead, or refused: whoever may push here need not be allowed to pull there.
        if (response.StatusCode == HttpStatusCode.Accepted)
        {
            Take(response, new Uri(exchange.Registry, path));
        }

        return false;
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        var pause = exchange.Options.FirstPause;
        for (var failures = 0; ;)
        {
            var before = _at;
            try
            {
                await GoOnAsync(cancellationToken);
                return;
            }
            catch (Exception exception) when (RegistryExchange.IsBroken(exception, cancellationToken) || exception is PassingException)
            {
                (failures, pause) = _at > before ? (1, exchange.Options.FirstPause) : (failures + 1, pause * 2);
                if (failures >= exchange.Options.Attempts)
                {
                    throw (exception as PassingException)?.Refusal ?? RegistryErrors.NoAnswer(exchange.Registry.Authority, _subject, exception);
                }

                await exchange.PauseAsync(pause, cancellationToken);
            }

            // The last answer may have been lost on its way.
            if (await IsThereAsync(cancellationToken))
            {
                return;
            }

            var tried = _at;
            await FindPlaceAsync(cancellationToken);
            if (failures > 2 && _at == tried)
            {
                // Two accounts of one upload that do not meet: begin anew. Not at the first refusal: the registry may still be
                // storing what had reached it before the cut, and then its account was overtaken while we acted on it.
                _session = null;
            }
        }
    }

    // From where the upload is to its end.
    private async Task GoOnAsync(CancellationToken cancellationToken)
    {
        if (_session is null)
        {
            await BeginAsync(cancellationToken);
        }

        while (_at < blob.Size)
        {
            var count = Math.Min(blob.Size - _at, Math.Max(exchange.Options.UploadChunk, _leastChunk));
            using var response = await exchange.SendUnrepeatedAsync(_session!, () => Chunk(_at, count), _scope, _subject, cancellationToken);
            if (response.StatusCode is not (HttpStatusCode.Accepted or HttpStatusCode.Created or HttpStatusCode.NoContent))
            {
                throw await RefusalAsync(response, cancellationToken);
            }

            Take(response, _session!);
            _at += count;
        }

        using var closed = await exchange.SendUnrepeatedAsync(WithDigest(_session!), Close, _scope, _subject, cancellationToken);
        if (closed.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.OK or HttpStatusCode.NoContent))
        {
            throw await RefusalAsync(closed, cancellationToken);
        }
    }

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        _at = 0;
        var path = $"v2/{repository}/blobs/uploads/";
        using var response = await exchange.SendAsync(path, Begin, _scope, _subject, cancellationToken);
        if (response.StatusCode != HttpStatusCode.Accepted)
        {
            throw await exchange.RefusalAsync(response, _subject, cancellationToken);
        }

        Take(response, new Uri(exchange.Registry, path));
    }

    // How far the registry got, by its own account; a session that it does not know any more is begun anew.
    private async Task FindPlaceAsync(CancellationToken cancellationToken)
    {
        if (_session is null)
        {
            return;
        }

        using var response = await exchange.SendAsync(
            _session.AbsoluteUri, () => new HttpRequestMessage(HttpMethod.Get, (Uri?)null), _scope, _subject, cancellationToken);
        if (response.StatusCode is not (HttpStatusCode.NoContent or HttpStatusCode.OK))
        {
            _session = null;
            return;
        }

        Take(response, _session);
        _at = response.Headers.TryGetValues("Range", out var values) && values.First().Split('-') is [_, var last] && long.TryParse(last, out var end)
            ? end == 0 && _at == 0 ? 0 : end + 1
            : 0;
        if (_at > blob.Size)
        {
            throw RegistryErrors.Hostile(exchange.Registry.Authority, _subject, "it claims to have more bytes than there are");
        }
    }

    private void Take(HttpResponseMessage response, Uri from)
    {
        _session = exchange.CheckedLocation(from, response.Headers.Location ?? _session, _subject);
        if (response.Headers.TryGetValues("OCI-Chunk-Min-Length", out var values) && long.TryParse(values.First(), out var least) && least is > 0 and <= 1L << 30)
        {
            _leastChunk = least;
        }
    }

    private async Task<Exception> RefusalAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        // 416: it has other bytes than we thought; 404: it has forgotten the upload. Both are found out by asking.
        var passes = RegistryExchange.MayPass(response) || response.StatusCode is HttpStatusCode.RequestedRangeNotSatisfiable or HttpStatusCode.NotFound;
        var refusal = await exchange.RefusalAsync(response, _subject, cancellationToken);
        return passes ? new PassingException(refusal) : refusal;
    }

    private Uri WithDigest(Uri session) =>
        new($"{session.AbsoluteUri}{(session.Query.Length == 0 ? '?' : '&')}digest={Uri.EscapeDataString(blob.Digest.ToString())}");

    private static HttpRequestMessage Begin() => new(HttpMethod.Post, (Uri?)null) { Content = new ByteArrayContent([]) };

    private static HttpRequestMessage Close() => new(HttpMethod.Put, (Uri?)null) { Content = new ByteArrayContent([]) };

    private HttpRequestMessage Chunk(long from, long count)
    {
        var body = new UploadContent(content, from, count) { Count = sent };
        body.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        // The specification's form, which is not RFC 9110's.
        body.Headers.TryAddWithoutValidation("Content-Range", $"{from}-{from + count - 1}");
        return new HttpRequestMessage(HttpMethod.Patch, (Uri?)null) { Content = body };
    }

    private sealed class PassingException(ContainerException refusal) : Exception(refusal.Message)
    {
        public ContainerException Refusal => refusal;
    }
}

/// <summary>How a blob came into a repository.</summary>
internal enum UploadOutcome
{
    /// <summary>It was there.</summary>
    WasThere,

    /// <summary>The registry took it from another of its repositories.</summary>
    Mounted,

    /// <summary>It was sent.</summary>
    Sent,
}
