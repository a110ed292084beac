namespace BuildRunner.Containers.Storage;

/// <summary>Keeps an image's layers in the store for as long as this object lives, or its process does.</summary>
/// <remarks>
/// A process that outlives this one keeps the image by holding a shared <c>flock</c> on <see cref="Path"/>: the layers stay until the last one lets go.
/// </remarks>
public sealed class ImageLease : IDisposable
{
    private readonly StoreLease? _lease;

    internal ImageLease(StoreLease? lease) => _lease = lease;

    /// <summary>The file that is locked; null for an image that is not the store's (<c>rootfs:</c>).</summary>
    public string? Path => _lease?.Path;

    /// <summary>Gives the image back. Nobody else may still be using it.</summary>
    public void Dispose() => _lease?.Dispose();
}
