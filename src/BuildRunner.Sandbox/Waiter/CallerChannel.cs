using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>The connection to the caller. Writing never blocks: what the caller does not take waits here, and no more output is read meanwhile.</summary>
internal sealed unsafe class CallerChannel
{
    private readonly Descriptor _output;
    private readonly FrameChannel _frames;
    private readonly Queue<ReadOnlyMemory<byte>> _pending = new();
    private readonly OutputWindow _window = new();
    private RecordEnd? _record;

    public CallerChannel(Descriptor input, Descriptor output)
    {
        _output = output;

        // Over a socket descriptors can come.
        _frames = new FrameChannel(input, output, takesDescriptors: input == output);
        input.SetNonBlocking();
        output.SetNonBlocking();
    }

    public int Input => _frames.Input.Number;

    public int Output => _output.Number;

    /// <summary>True: the caller has not taken everything.</summary>
    public bool IsFull => _pending.Count > 0;

    /// <summary>True: output can be sent now, and be kept if it has to be.</summary>
    public bool HasRoom => !IsFull && _window.HasRoom;

    /// <summary>True: the caller has taken everything, and stored what is kept for it.</summary>
    public bool IsSettled => !IsFull && _window.IsEmpty;

    /// <summary>True: nobody is there any more.</summary>
    public bool IsGone { get; private set; }

    /// <summary>True: the record of the output has to be brought to its end when the caller is gone.</summary>
    public bool HasRecord => _record is not null;

    /// <summary>Reads what has come.</summary>
    public void Fill() => IsGone |= !_frames.Fill();

    /// <summary>The next message that is not for the connection itself.</summary>
    public Frame? TryTake()
    {
        while (_frames.TryTake() is { } frame)
        {
            switch ((WaiterMessage)frame.Kind)
            {
                case WaiterMessage.Record when _record is null && _frames.Passed is { } spool:
                    _record = new RecordEnd(WaiterRecord.Decode(frame), spool);
                    _window.IsKept = true;
                    break;
                case WaiterMessage.Record:
                    // The descriptor did not come through: the caller stores what it gets, and more cannot be had.
                    break;
                case WaiterMessage.Acknowledge:
                    if (_record is { } record)
                    {
                        _window.Release(OutputTaken.Decode(frame).Bytes, record.Stored);
                    }

                    break;
                default:
                    return frame;
            }
        }

        return null;
    }

    /// <summary>Sends a message after all that was sent before.</summary>
    public void Send(byte[] message)
    {
        _pending.Enqueue(message);
        Push();
    }

    /// <summary>Sends what a pipe holds; what was read: 0 at its end, -1 if it holds nothing. Only while it <see cref="HasRoom"/>.</summary>
    public int SendOutput(byte stream, Descriptor pipe)
    {
        var count = _window.Take(stream, pipe, out var message);
        if (count > 0)
        {
            _pending.Enqueue(message);
            Push();
        }

        return count;
    }

    /// <summary>Writes as much of what waits as the caller takes now.</summary>
    public void Push()
    {
        while (_pending.TryPeek(out var next))
        {
            var written = Write(next.Span);
            if (written < next.Length)
            {
                if (written >= 0)
                {
                    Shorten(next[written..]);
                }

                return;
            }

            _pending.Dequeue();
        }

        if (!_window.IsKept)
        {
            _window.Clear();
        }
    }

    /// <summary>Waits until the caller has taken everything, or is gone.</summary>
    public void Flush() => WaitUntil(() => !IsFull);

    /// <summary>Waits for something that the caller has to do first, or until it is gone. What it asks for meanwhile is not done any more.</summary>
    public void WaitUntil(Func<bool> done)
    {
        var entries = stackalloc PollEntry[2];
        while (!IsGone && !done())
        {
            entries[0] = new PollEntry { Descriptor = Input, Events = PollIn };
            entries[1] = new PollEntry { Descriptor = IsFull ? Output : -1, Events = PollOut };
            _ = Libc.Poll(entries, 2, -1);
            Push();
            if (entries[0].Returned != 0)
            {
                Fill();
                while (TryTake() is not null)
                {
                }
            }
        }
    }

    /// <summary>Brings the record of the output to its end: the caller is gone, and every process of the container dead.</summary>
    public void EndRecord(Descriptor?[] pipes) => _record?.Write(_window, pipes);

    private int Write(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var count = (int)Libc.Write(Output, start, (nuint)bytes.Length);
            var error = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
            if (count < 0 && error is not (ErrAgain or ErrInterrupted))
            {
                IsGone = true;
            }

            return count < 0 ? 0 : count;
        }
    }

    private void Shorten(ReadOnlyMemory<byte> rest)
    {
        var others = _pending.Skip(1).ToArray();
        _pending.Clear();
        _pending.Enqueue(rest);
        foreach (var other in others)
        {
            _pending.Enqueue(other);
        }
    }
}
