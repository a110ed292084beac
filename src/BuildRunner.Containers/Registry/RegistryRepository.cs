using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage.Archives;

namespace BuildRunner.Containers.Registry;

/// <summary>One repository of one registry, as seen with one set of credentials (distribution specification, "Pull").</summary>
internal sealed class RegistryRepository : IBlobSource, IDisposable
{
    private static readonly string[] ManifestTypes =
        [ImageDocument.OciIndex, ImageDocument.DockerList, ImageDocument.OciManifest, ImageDocument.DockerManifest];

    private readonly RegistryExchange _exchange;
    private readonly RegistryAuthorization _authorization;
    private readonly TimeProvider _time;

    public RegistryRepository(RegistryTransport transport, Uri registry, string name, RegistryCredentials? credentials, TimeProvider time, string? credentialProblem = null)
    {
        Name = name;
        _time = time;
        _authorization = new RegistryAuthorization(transport, registry, credentials, time) { Problem = credentialProblem };
        _exchange = new RegistryExchange(transport, registry, _authorization, time);
    }

    /// <summary>The repository's name on the registry.</summary>
    public string Name { get; }

    /// <inheritdoc/>
    public string Origin => $"{_exchange.Registry.Authority}/{Name}";

    /// <summary>How to send requests that change something.</summary>
    public RegistryExchange Exchange => _exchange;

    /// <summary>True once the registry wanted credentials and they were sent.</summary>
    public bool NeededCredentials => _authorization.CredentialsWereSent;

    /// <summary>Gets a manifest or index.</summary>
    /// <param name="reference">A tag or a digest.</param>
    /// <param name="most">How many bytes it may have.</param>
    /// <param name="subject">What it is, for messages.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<ReceivedManifest> GetManifestAsync(string reference, int most, string subject, CancellationToken cancellationToken)
    {
        using var response = await SendForManifestAsync(HttpMethod.Get, reference, subject, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode != HttpStatusCode.OK)
        {
            throw await _exchange.RefusalAsync(response, subject, cancellationToken).ConfigureAwait(false);
        }

        var bytes = await ReadSmallAsync(response, most, subject, cancellationToken).ConfigureAwait(false);
        var digest = Digest.FromHash(SHA256.HashData(bytes));
        var promised = Digest.TryParse(reference, out var asked) ? asked
            : response.Headers.TryGetValues("Docker-Content-Digest", out var values) && Digest.TryParse(values.First(), out var said) ? said
            : digest;
        return digest == promised
            ? new ReceivedManifest(bytes, digest, response.Content.Headers.ContentType?.MediaType)
            : throw RegistryErrors.Hostile(_exchange.Registry.Authority, subject, $"its manifest has the digest {digest} where {promised} was promised");
    }

    /// <summary>True if the registry gives this manifest to whoever asks here.</summary>
    public async Task<bool> HasManifestAsync(string reference, string subject, CancellationToken cancellationToken)
    {
        using var response = await SendForManifestAsync(HttpMethod.Head, reference, subject, cancellationToken).ConfigureAwait(false);
        return response.StatusCode switch
        {
            HttpStatusCode.OK => true,
            HttpStatusCode.NotFound or HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => false,
            _ => throw await _exchange.RefusalAsync(response, subject, cancellationToken).ConfigureAwait(false),
        };
    }

    /// <inheritdoc/>
    public async Task<bool> HasAsync(BlobDescriptor blob, CancellationToken cancellationToken)
    {
        using var response = await _exchange.SendAsync(
            BlobPath(blob.Digest), () => new HttpRequestMessage(HttpMethod.Head, (Uri?)null), PullScope, $"the blob {blob.Digest}", cancellationToken).ConfigureAwait(false);
        return response.StatusCode == HttpStatusCode.OK;
    }

    /// <summary>Puts a blob there, if it is not there already.</summary>
    public Task<UploadOutcome> UploadAsync(BlobDescriptor blob, BlobContent content, string? mountFrom, Action<int> sent, CancellationToken cancellationToken) =>
        new BlobUpload(_exchange, Name, blob, content, sent).RunAsync(mountFrom, cancellationToken);

    /// <summary>Puts a manifest there, under a tag or its digest. All its parts must be there.</summary>
    public async Task PutManifestAsync(string reference, ReceivedManifest manifest, string subject, CancellationToken cancellationToken)
    {
        HttpRequestMessage Make()
        {
            var content = new ByteArrayContent(manifest.Bytes);
            content.Headers.ContentType = new MediaTypeHeaderValue(manifest.MediaType ?? ImageDocument.OciManifest);
            return new HttpRequestMessage(HttpMethod.Put, (Uri?)null) { Content = content };
        }

        // The same bytes under the same name: sending them twice does no harm.
        using var response = await _exchange.SendAsync($"v2/{Name}/manifests/{reference}", Make, BlobUpload.ScopeOf(Name, null), subject, cancellationToken);
        if (response.StatusCode is not (HttpStatusCode.Created or HttpStatusCode.OK or HttpStatusCode.Accepted))
        {
            throw await _exchange.RefusalAsync(response, subject, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public Task ReadAsync(BlobDescriptor blob, long from, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> take, CancellationToken cancellationToken) =>
        new BlobTransfer(_exchange, BlobPath(blob.Digest), PullScope, blob, _time).RunAsync(from, take, cancellationToken);

    public void Dispose() => _authorization.Dispose();

    private string PullScope => $"repository:{Name}:pull";

    private string BlobPath(Digest digest) => $"v2/{Name}/blobs/{digest}";

    private Task<HttpResponseMessage> SendForManifestAsync(HttpMethod method, string reference, string subject, CancellationToken cancellationToken) =>
        _exchange.SendAsync($"v2/{Name}/manifests/{reference}", () => ManifestRequest(method), PullScope, subject, cancellationToken);

    private static HttpRequestMessage ManifestRequest(HttpMethod method)
    {
        var request = new HttpRequestMessage(method, (Uri?)null);
        foreach (var type in ManifestTypes)
        {
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(type));
        }

        return request;
    }

    private async Task<byte[]> ReadSmallAsync(HttpResponseMessage response, int most, string subject, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(_exchange.Options.IdleTimeout);
        try
        {
            return await BoundedBody.TryReadAsync(response, most, deadline.Token).ConfigureAwait(false)
                ?? throw RegistryErrors.Hostile(_exchange.Registry.Authority, subject, $"its manifest is larger than {most} bytes");
        }
        catch (Exception exception) when (RegistryExchange.IsBroken(exception, cancellationToken))
        {
            throw RegistryErrors.NoAnswer(_exchange.Registry.Authority, subject, exception);
        }
    }
}

/// <summary>A manifest or index as it came.</summary>
internal sealed record ReceivedManifest(byte[] Bytes, Digest Digest, string? MediaType);
