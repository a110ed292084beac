using System.Buffers;
using System.Threading.Channels;

namespace BuildRunner.Containers.Storage;

/// <summary>Hands bytes from a task that receives them to a thread that reads them as a stream; holds a few pieces, then makes the sender wait.</summary>
internal sealed class ChunkQueue : ReadOnceStream
{
    private const int Pieces = 8;

    private readonly Channel<(byte[] Buffer, int Length)> _channel = Channel.CreateBounded<(byte[], int)>(
        new BoundedChannelOptions(Pieces) { SingleReader = true, SingleWriter = true });

    private byte[] _current = [];
    private int _start;
    private int _end;

    /// <summary>Copies a piece into the queue. After the reader has gone, it is dropped.</summary>
    public async ValueTask PutAsync(ReadOnlyMemory<byte> piece, CancellationToken cancellationToken)
    {
        if (piece.IsEmpty)
        {
            // To the reader, nothing would be the end.
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(piece.Length);
        piece.CopyTo(buffer);
        try
        {
            await _channel.Writer.WriteAsync((buffer, piece.Length), cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>No piece follows; the reader then sees the end, or the exception.</summary>
    public void Complete(Exception? exception) => _channel.Writer.TryComplete(exception);

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty || (_start == _end && !Next()))
        {
            return 0;
        }

        var count = Math.Min(buffer.Length, _end - _start);
        _current.AsSpan(_start, count).CopyTo(buffer);
        _start += count;
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Complete(null);
        while (_channel.Reader.TryRead(out var piece))
        {
            ArrayPool<byte>.Shared.Return(piece.Buffer);
        }

        Release();
        base.Dispose(disposing);
    }

    private bool Next()
    {
        Release();
        (byte[] Buffer, int Length) piece;
        while (!_channel.Reader.TryRead(out piece))
        {
            // The reader has a thread of its own to block.
            var more = _channel.Reader.WaitToReadAsync();
            if (!(more.IsCompletedSuccessfully ? more.Result : more.AsTask().GetAwaiter().GetResult()))
            {
                return false;
            }
        }

        (_current, _start, _end) = (piece.Buffer, 0, piece.Length);
        return true;
    }

    private void Release()
    {
        if (_current.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_current);
            (_current, _start, _end) = ([], 0, 0);
        }
    }
}
