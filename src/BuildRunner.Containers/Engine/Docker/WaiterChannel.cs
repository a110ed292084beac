using System.Buffers;
using System.Net.Sockets;
using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>The engine's end of the connection to a waiter. What comes from there is not trusted: it is bounded, and nonsense ends it.</summary>
/// <param name="stream">The connection.</param>
internal sealed class WaiterChannel(Stream stream) : IDisposable
{
    private readonly SemaphoreSlim sending = new(1, 1);
    private byte[] buffer = ArrayPool<byte>.Shared.Rent(2 * OutputChunk.MaximumLength);
    private int start;
    private int end;
    private bool disposed;

    /// <summary>Sends a message; false if nobody is there any more.</summary>
    public async Task<bool> SendAsync(byte[] message)
    {
        await sending.WaitAsync();
        try
        {
            await stream.WriteAsync(message);
            await stream.FlushAsync();
            return true;
        }
        catch (Exception gone) when (gone is IOException or SocketException or ObjectDisposedException)
        {
            // Whoever reads learns of it, and why.
            return false;
        }
        finally
        {
            sending.Release();
        }
    }

    /// <summary>The next message, valid until the next call; null when the waiter is gone. One caller at a time.</summary>
    public async ValueTask<Frame?> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!await FillAsync(Frame.HeaderLength, cancellationToken))
            {
                return null;
            }

            var length = Frame.ReadLength(buffer.AsSpan(start)) + sizeof(int);
            if (!await FillAsync(length, cancellationToken))
            {
                return null;
            }

            var frame = new Frame(buffer[start + sizeof(int)], buffer.AsMemory(start + Frame.HeaderLength, length - Frame.HeaderLength));
            start += length;
            return frame;
        }
        catch (Exception gone) when (gone is IOException or SocketException or InvalidDataException or ObjectDisposedException)
        {
            // The container tells by its state what became of it.
            return null;
        }
    }

    public void Dispose()
    {
        if (!disposed)
        {
            disposed = true;
            stream.Dispose();
        }
    }

    private async ValueTask<bool> FillAsync(int count, CancellationToken cancellationToken)
    {
        if (end - start >= count)
        {
            return true;
        }

        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }

        if (buffer.Length < count)
        {
            var larger = ArrayPool<byte>.Shared.Rent(count);
            buffer.AsSpan(0, end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = larger;
        }

        while (end < count)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(end), cancellationToken);
            if (read == 0)
            {
                return false;
            }

            end += read;
        }

        return true;
    }
}
