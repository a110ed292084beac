using BuildRunner.Containers.Images;
using BuildRunner.Containers.Registry;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Blobs out of files of this host, by digest.</summary>
/// <param name="find">The content that is said to have a digest; null if there is none. What it has is found out by whoever reads it.</param>
/// <param name="subject">What they belong to, for messages: "the image oci:/images/tools".</param>
internal sealed class FileBlobs(Func<Digest, BlobContent?> find, string subject) : IBlobSource
{
    /// <inheritdoc/>
    public string? Origin => null;

    /// <inheritdoc/>
    public async Task ReadAsync(BlobDescriptor blob, long from, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> take, CancellationToken cancellationToken)
    {
        using var content = find(blob.Digest) ?? throw ImageDocument.Corrupt(subject, $"lacks its part {blob.Digest}");
        if (content.Length != blob.Size)
        {
            throw ImageDocument.Corrupt(subject, $"has a part {blob.Digest} of {content.Length} bytes where its manifest says {blob.Size}");
        }

        var buffer = new byte[256 * 1024];
        while (from < blob.Size)
        {
            var count = content.Read(buffer, from);
            if (count == 0)
            {
                throw ImageDocument.Corrupt(subject, $"has a part {blob.Digest} that became shorter while it was read");
            }

            await take(buffer.AsMemory(0, count), cancellationToken);
            from += count;
        }
    }

    /// <inheritdoc/>
    public Task<bool> HasAsync(BlobDescriptor blob, CancellationToken cancellationToken)
    {
        using var content = find(blob.Digest);
        return Task.FromResult(content is not null);
    }
}
