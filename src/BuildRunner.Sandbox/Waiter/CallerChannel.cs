using System.Buffers.Binary;
using BuildRunner.Sandbox.Kernel;
using BuildRunner.Sandbox.Wire;
using static BuildRunner.Sandbox.Kernel.Constants;

namespace BuildRunner.Sandbox.Waiter;

/// <summary>The connection to the caller. Writing never blocks: what the caller does not take waits here, and no more output is read meanwhile.</summary>
internal sealed unsafe class CallerChannel
{
    private const int OutputHeader = Frame.HeaderLength + 1;

    private readonly Descriptor _output;
    private readonly FrameChannel _frames;
    private readonly Queue<ReadOnlyMemory<byte>> _pending = new();
    private readonly byte[] _chunk = new byte[OutputHeader + OutputChunk.MaximumLength];

    public CallerChannel(Descriptor input, Descriptor output)
    {
        _output = output;
        _frames = new FrameChannel(input, output);
        input.SetNonBlocking();
        output.SetNonBlocking();
    }

    public int Input => _frames.Input.Number;

    public int Output => _output.Number;

    /// <summary>True: the caller has not taken everything.</summary>
    public bool IsFull => _pending.Count > 0;

    /// <summary>True: nobody is there any more.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Reads what has come.</summary>
    public void Fill() => IsGone |= !_frames.Fill();

    public Frame? TryTake() => _frames.TryTake();

    /// <summary>Sends a message after all that was sent before.</summary>
    public void Send(byte[] message)
    {
        _pending.Enqueue(message);
        Push();
    }

    /// <summary>Sends what a pipe holds; what was read: 0 at its end, -1 if it holds nothing. Not to be called while <see cref="IsFull"/>.</summary>
    public int SendOutput(byte stream, Descriptor pipe)
    {
        var count = pipe.Read(_chunk.AsSpan(OutputHeader));
        if (count > 0)
        {
            BinaryPrimitives.WriteInt32LittleEndian(_chunk, count + 2);
            _chunk[sizeof(int)] = (byte)WaiterMessage.Output;
            _chunk[Frame.HeaderLength] = stream;
            _pending.Enqueue(_chunk.AsMemory(0, OutputHeader + count));
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
    }

    /// <summary>Waits until the caller has taken everything, or is gone.</summary>
    public void Flush()
    {
        while (IsFull && !IsGone)
        {
            var entry = new PollEntry { Descriptor = Output, Events = PollOut };
            _ = Libc.Poll(&entry, 1, -1);
            Push();
        }
    }

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
