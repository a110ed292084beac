using BuildRunner.Sandbox.Wire;

namespace BuildRunner.Sandbox.Kernel;

/// <summary>Messages over a pair of pipes or a socket. Reading keeps what came of a message that is not complete.</summary>
/// <param name="input">What is read from.</param>
/// <param name="output">What is written to.</param>
/// <param name="takesDescriptors">True: the input is a socket, and a descriptor can come with a message.</param>
internal sealed class FrameChannel(Descriptor input, Descriptor output, bool takesDescriptors = false)
{
    private Descriptor? _passed;
    private byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    /// <summary>The standard streams of this process.</summary>
    public static FrameChannel OfStandardStreams() => new(new Descriptor(0), new Descriptor(1));

    public Descriptor Input => input;

    /// <summary>The first descriptor that came.</summary>
    public Descriptor? Passed => _passed;

    /// <summary>True: the other side is gone.</summary>
    public bool Ended { get; private set; }

    /// <summary>Waits for the next message; null when the other side is gone.</summary>
    public Frame? Read()
    {
        while (true)
        {
            if (TryTake() is { } frame)
            {
                return frame;
            }

            if (!Fill())
            {
                return null;
            }
        }
    }

    /// <summary>Reads what has come, once; blocks if nothing has. False when the other side is gone.</summary>
    public bool Fill()
    {
        if (_start > 0)
        {
            Buffer.BlockCopy(_buffer, _start, _buffer, 0, _end - _start);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var count = takesDescriptors ? input.Receive(_buffer.AsSpan(_end), ref _passed) : input.Read(_buffer.AsSpan(_end));
        _end += Math.Max(count, 0);
        Ended |= count == 0;
        return count != 0;
    }

    /// <summary>The next message of those that have come completely.</summary>
    public Frame? TryTake()
    {
        if (_end - _start < Frame.HeaderLength)
        {
            return null;
        }

        var length = Frame.ReadLength(_buffer.AsSpan(_start));
        var total = sizeof(int) + length;
        if (_end - _start < total)
        {
            return null;
        }

        var frame = new Frame(_buffer[_start + sizeof(int)], _buffer.AsSpan(_start + Frame.HeaderLength, length - 1).ToArray());
        _start += total;
        return frame;
    }

    /// <summary>Sends a message; false if the other side is gone.</summary>
    public bool Write(byte[] frame) => output.Write(frame);
}
