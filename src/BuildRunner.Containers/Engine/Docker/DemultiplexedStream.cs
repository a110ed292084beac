using System.Buffers.Binary;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A container's standard input and output as one stream. Its standard error is what the waiter says when it cannot work; nobody asks for it.</summary>
/// <remarks>
/// The client library has one too, which lets nobody write while somebody reads: the base class of its stream does one thing at a time.
/// One may read here while another writes.
/// </remarks>
/// <param name="attached">The engine's stream: what comes is in frames (which stream, three zeros, a length), what goes is not.</param>
internal sealed class DemultiplexedStream(Stream attached) : Stream
{
    private const int HeaderLength = 8, StandardOutput = 1;

    private readonly byte[] header = new byte[HeaderLength];
    private long left;
    private bool wanted;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (left == 0)
            {
                if (await attached.ReadAtLeastAsync(header, HeaderLength, throwOnEndOfStream: false, cancellationToken) < HeaderLength)
                {
                    return 0;
                }

                left = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(HeaderLength - sizeof(uint)));
                wanted = header[0] == StandardOutput;
                continue;
            }

            var read = await attached.ReadAsync(buffer[..(int)Math.Min(buffer.Length, left)], cancellationToken);
            left -= read;
            if (read == 0 || wanted)
            {
                return read;
            }
        }
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => attached.WriteAsync(buffer, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => attached.FlushAsync(cancellationToken);

    public override void Flush() => attached.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            attached.Dispose();
        }

        base.Dispose(disposing);
    }
}
