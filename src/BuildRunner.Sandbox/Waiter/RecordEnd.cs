using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>The record of the output, which the caller writes while it lives, and this process brings to its end when it does not.</summary>
/// <remarks>Both count the same pieces (<see cref="SpoolCount"/>). So what the caller may have written and not acknowledged is written again, byte for byte, to the same places: nothing
/// is twice, nothing is missing, and what a caller that was killed had written by half is whole.</remarks>
internal sealed unsafe class RecordEnd
{
    /// <summary>No more is read from one pipe: a process elsewhere may have its other end.</summary>
    private const int MostOfPipe = 1 << 20;

    private readonly Descriptor _spool;
    private readonly SpoolCipher? _cipher;

    public RecordEnd(WaiterRecord record, Descriptor spool)
    {
        _spool = spool;
        _cipher = SpoolCipher.Of(record.Key);
        Stored = new SpoolCount(record.Room);

        // Whoever comes after the caller waits until this process is gone.
        KernelException.Check(Libc.Lock(spool.Number, LockShared), "lock the record of the output");
    }

    /// <summary>Where what is not acknowledged begins.</summary>
    public SpoolCount Stored { get; }

    /// <summary>Writes what was sent and not acknowledged, what is left in the pipes, and that nothing more comes. No process of the container may be left.</summary>
    public void Write(OutputWindow window, Descriptor?[] pipes)
    {
        foreach (var record in window.Records())
        {
            Append(record.Span);
        }

        window.Clear();
        var whole = true;
        for (byte i = 0; i < pipes.Length; i++)
        {
            whole &= pipes[i] is not { } pipe || Drain(window, (byte)(i + 1), pipe);
        }

        if (whole)
        {
            var position = Stored.Position;
            WriteAt(Stored.End(Clock.UnixMicroseconds(), _cipher), position);
        }
    }

    private bool Drain(OutputWindow window, byte stream, Descriptor pipe)
    {
        for (var left = MostOfPipe; left > 0;)
        {
            var count = window.Take(stream, pipe, out _);
            if (count <= 0)
            {
                return true;
            }

            Append(window.Records().Single().Span);
            window.Clear();
            left -= count;
        }

        return false;
    }

    private void Append(Span<byte> record)
    {
        var header = SpoolRecord.ReadHeader(record);
        var position = Stored.Position;
        var kept = Stored.Take(header.Stream, header.Length);
        if (kept > 0)
        {
            (header with { Length = kept }).WriteHeader(record);
            _cipher?.Apply(position, record.Slice(SpoolRecord.HeaderLength, kept));
            WriteAt(record[..(SpoolRecord.HeaderLength + kept)], position);
        }
    }

    private void WriteAt(ReadOnlySpan<byte> bytes, long position)
    {
        fixed (byte* start = bytes)
        {
            for (var done = 0; done < bytes.Length;)
            {
                var written = Libc.WriteAt(_spool.Number, start + done, (nuint)(bytes.Length - done), position + done);
                var error = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
                if (written < 0 && error != ErrInterrupted)
                {
                    throw KernelException.FromErrorNumber("write the record of the output", error);
                }

                done += Math.Max((int)written, 0);
            }
        }
    }
}
