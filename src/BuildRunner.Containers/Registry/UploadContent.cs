using System.Net;
using BuildRunner.Containers.Storage.Archives;

namespace BuildRunner.Containers.Registry;

/// <summary>A stretch of a blob as a request's body, which tells about every piece that has gone out.</summary>
internal sealed class UploadContent(BlobContent content, long from, long count) : HttpContent
{
    private readonly byte[] _buffer = new byte[128 * 1024];

    /// <summary>Called after each piece, and once before the first.</summary>
    public Action? Sent { get; set; }

    /// <summary>Called with the bytes of each piece that has gone out.</summary>
    public Action<int>? Count { get; init; }

    /// <inheritdoc/>
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, CancellationToken.None);

    /// <inheritdoc/>
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Sent?.Invoke();
        for (var at = from; at < from + count;)
        {
            var read = content.Read(_buffer.AsSpan(0, (int)Math.Min(_buffer.Length, from + count - at)), at);
            if (read == 0)
            {
                throw new IOException("the blob became shorter while it was sent");
            }

            await stream.WriteAsync(_buffer.AsMemory(0, read), cancellationToken);
            at += read;
            Count?.Invoke(read);
            Sent?.Invoke();
        }
    }

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = count;
        return true;
    }
}
