using BuildRunner.Containers.Images;
using BuildRunner.Containers.Storage;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>The images that the containers of a group run from: none of them is removed from the store before the group has ended.</summary>
internal sealed class ImagesInUse(ImageStore? images) : IAsyncDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly Dictionary<Digest, ImageLease> _leases = [];

    /// <summary>Keeps an image; a second call for the same does nothing.</summary>
    /// <exception cref="ContainerException"><see cref="ContainerFailure.Lost"/>: it was removed since it was pulled.</exception>
    public async Task KeepAsync(ResolvedImage image, CancellationToken cancellationToken)
    {
        if (images is null || image.ManifestDigest is not { } digest)
        {
            return;
        }

        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (!_leases.ContainsKey(digest))
            {
                _leases.Add(digest, await images.LeaseAsync(image, cancellationToken));
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();
        foreach (var lease in _leases.Values)
        {
            lease.Dispose();
        }

        _leases.Clear();
        _turn.Release();
    }
}
