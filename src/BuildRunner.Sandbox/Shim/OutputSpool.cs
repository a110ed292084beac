using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Shim;

/// <summary>The file in which a container's output waits for its reader. What the reader has acknowledged is overwritten, so it stays small.</summary>
/// <remarks>When it is full, the shim stops reading and the container blocks on its pipe: nothing is dropped, nothing grows.</remarks>
internal sealed unsafe class OutputSpool : IDisposable
{
    private readonly Descriptor _file;
    private readonly byte[] _record = new byte[SpoolRecord.HeaderLength + SpoolRecord.MaximumLength];
    private long _written;
    private long _announced;
    private long _acknowledged;

    public OutputSpool(string path) => _file = Descriptor.Open(path, WriteOnly | Create | Truncate | NoFollow, 0x180);

    /// <summary>The file's size is about this; the last records may go over it.</summary>
    public const long Capacity = 8 << 20;

    public bool IsFull => _written >= Capacity;

    /// <summary>What was written and not acknowledged.</summary>
    public SpoolRange Pending => new(_acknowledged, _written);

    /// <summary>Reads what is in a pipe, at most one record, and writes it down; returns what reading returned.</summary>
    public int Take(byte stream, Descriptor pipe)
    {
        var count = pipe.Read(_record.AsSpan(SpoolRecord.HeaderLength));
        if (count > 0)
        {
            new SpoolRecord(stream, count, Clock.UnixMicroseconds()).WriteHeader(_record);
            var length = SpoolRecord.HeaderLength + count;
            fixed (byte* start = _record)
            {
                var written = Libc.WriteAt(_file.Number, start, (nuint)length, _written);
                var error = Marshal.GetLastPInvokeError();
                if (written != length)
                {
                    throw KernelException.FromErrorNumber("write the output to its spool", written < 0 ? error : NoSpace);
                }
            }

            _written += length;
        }

        return count;
    }

    /// <summary>What the reader should be told of: something new, when it has dealt with all that it was told.</summary>
    public SpoolRange? NextAnnouncement()
    {
        if (_announced == _written || _announced != _acknowledged)
        {
            return null;
        }

        var range = new SpoolRange(_announced, _written);
        _announced = _written;
        return range;
    }

    /// <summary>All that the reader was not told of.</summary>
    public SpoolRange? LastAnnouncement() => _announced == _written ? null : new SpoolRange(_announced, _written);

    public void Acknowledge(long position)
    {
        _acknowledged = position;
        if (_acknowledged == _written && _written > RestartAfter)
        {
            _written = _announced = _acknowledged = 0;
        }
    }

    public void Dispose() => _file.Dispose();

    private const long RestartAfter = 1 << 20;
    private const int NoSpace = 28;
}
