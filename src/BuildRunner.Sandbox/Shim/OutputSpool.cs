using System.Buffers.Binary;
using System.Runtime.InteropServices;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Shim;

/// <summary>The file in which a container's output waits for its reader. What the reader has acknowledged is overwritten, so it stays small.</summary>
/// <remarks>When it is full, the shim stops reading and the container blocks on its pipe: nothing is dropped, nothing grows. A spool that is kept is the other way
/// round: nothing is overwritten, what is beyond its limit is counted, and with a key it is unreadable without it.</remarks>
internal sealed unsafe class OutputSpool : IDisposable
{
    private readonly Descriptor _file;
    private readonly byte[] _record = new byte[SpoolRecord.HeaderLength + SpoolRecord.MaximumLength];
    private long _written;
    private long _announced;
    private long _acknowledged;
    private readonly bool _kept;
    private readonly long[] _missing = new long[3];
    private readonly SpoolCipher? _cipher;
    private long _room = long.MaxValue;

    private OutputSpool(string path, bool kept, SpoolCipher? cipher)
    {
        _file = Descriptor.Open(path, WriteOnly | Create | Truncate | NoFollow, 0x180);
        _kept = kept;
        _cipher = cipher;
    }

    /// <summary>The spool of a container.</summary>
    /// <param name="directory">The container's directory on this host.</param>
    /// <param name="task">Says whether the output is kept, and where.</param>
    public static OutputSpool Of(string directory, ContainerTask task) => task.RecordDirectory.Length == 0
        ? new OutputSpool(task.Spool(directory), kept: false, cipher: null)
        : new OutputSpool(task.Spool(directory), kept: true, SpoolCipher.Of(task.RecordKey)) { _room = task.RecordOutput };

    /// <summary>The file's size is about this; the last records may go over it.</summary>
    public const long Capacity = 8 << 20;

    public bool IsFull => !_kept && _written >= Capacity;

    /// <summary>What was written and not acknowledged.</summary>
    public SpoolRange Pending => new(_acknowledged, _written);

    /// <summary>Reads what is in a pipe, at most one record, and writes it down; returns what reading returned.</summary>
    public int Take(byte stream, Descriptor pipe)
    {
        var count = pipe.Read(_record.AsSpan(SpoolRecord.HeaderLength));
        if (count > 0)
        {
            var kept = (int)Math.Min(count, _room);
            _missing[stream] += count - kept;
            _room -= kept;
            if (kept > 0)
            {
                Append(stream, kept);
            }
        }

        return count;
    }

    /// <summary>Notes what was not kept: nothing more will come.</summary>
    public void End()
    {
        for (byte stream = 1; stream <= 2; stream++)
        {
            if (_missing[stream] > 0)
            {
                BinaryPrimitives.WriteInt64LittleEndian(_record.AsSpan(SpoolRecord.HeaderLength), _missing[stream]);
                Append((byte)(stream | SpoolRecord.MissingFlag), sizeof(long));
            }
        }
    }

    private void Append(byte stream, int count)
    {
        new SpoolRecord(stream, count, Clock.UnixMicroseconds()).WriteHeader(_record);
        var length = SpoolRecord.HeaderLength + count;
        _cipher?.Apply(_written, _record.AsSpan(SpoolRecord.HeaderLength, count));
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
        if (!_kept && _acknowledged == _written && _written > RestartAfter)
        {
            _written = _announced = _acknowledged = 0;
        }
    }

    public void Dispose() => _file.Dispose();

    private const long RestartAfter = 1 << 20;
    private const int NoSpace = 28;
}
