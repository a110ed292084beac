using System.Buffers.Binary;
using BuildRunner.Sandbox.Wire;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Engine.Oci;

/// <summary>Hands the output that a shim has spooled to its sink.</summary>
internal sealed class SpoolReader : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly IOutputSink _sink;
    private readonly SpoolCipher? _cipher;
    private byte[] _buffer = [];

    /// <summary>Opens the spool. The shim removes the file when the container has ended; what is open stays readable.</summary>
    public SpoolReader(string path, IOutputSink sink, SpoolCipher? cipher)
    {
        _cipher = cipher;
        _file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        _sink = sink;
    }

    /// <summary>Delivers a range of whole records.</summary>
    public async Task DeliverAsync(SpoolRange range, CancellationToken cancellationToken)
    {
        if (_buffer.Length == 0)
        {
            _buffer = new byte[BufferLength];
        }

        for (var position = range.From; position < range.To;)
        {
            var wanted = (int)Math.Min(_buffer.Length, range.To - position);
            var count = ReadFully(wanted, position);
            var done = 0;
            while (count - done >= SpoolRecord.HeaderLength)
            {
                var record = SpoolRecord.ReadHeader(_buffer.AsSpan(done));
                var end = done + SpoolRecord.HeaderLength + record.Length;
                if (end > count)
                {
                    break;
                }

                _cipher?.Apply(position + done, _buffer.AsSpan(done + SpoolRecord.HeaderLength, record.Length));
                await DeliverAsync(record, _buffer.AsMemory(done + SpoolRecord.HeaderLength, record.Length), cancellationToken);
                done = end;
            }

            position += done > 0 ? done : throw new InvalidDataException("A record of a container's output is cut off.");
        }
    }

    /// <summary>Delivers all whole records of a spool whose writer is gone.</summary>
    /// <returns>True if its writer has written that nothing more comes.</returns>
    public async Task<bool> DeliverAllAsync(CancellationToken cancellationToken)
    {
        var (end, length, ended) = (0L, RandomAccess.GetLength(_file), false);
        var header = new byte[SpoolRecord.HeaderLength];
        while (!ended && RandomAccess.Read(_file, header, end) == header.Length && SpoolRecord.TryReadHeader(header, out var record))
        {
            var next = end + SpoolRecord.HeaderLength + record.Length;
            ended = record.Stream == SpoolRecord.EndMark;
            if (next > length || ended)
            {
                break;
            }

            end = next;
        }

        await DeliverAsync(new SpoolRange(0, end), cancellationToken);
        return ended;
    }

    public void Dispose() => _file.Dispose();

    private ValueTask DeliverAsync(SpoolRecord record, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var stream = (OutputStream)(record.Stream & ~SpoolRecord.MissingFlag);
        return (record.Stream & SpoolRecord.MissingFlag) == 0
            ? _sink.WriteAsync(stream, bytes, DateTimeOffset.UnixEpoch.AddMicroseconds(record.UnixMicroseconds), cancellationToken)
            : _sink.MissingAsync(stream, BinaryPrimitives.ReadInt64LittleEndian(bytes.Span), cancellationToken);
    }

    private int ReadFully(int wanted, long position)
    {
        var count = 0;
        while (count < wanted && RandomAccess.Read(_file, _buffer.AsSpan(count, wanted - count), position + count) is var read and > 0)
        {
            count += read;
        }

        return count;
    }

    /// <summary>More than one record of the greatest length.</summary>
    private const int BufferLength = 4 * (SpoolRecord.HeaderLength + SpoolRecord.MaximumLength);
}
