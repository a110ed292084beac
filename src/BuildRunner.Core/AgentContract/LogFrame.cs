using System.Buffers.Binary;
using BuildRunner.Core.Logs;

namespace BuildRunner.Core.AgentContract;

/// <summary>One line, or a piece of one, as it lies in a stored log and in its upload.</summary>
/// <remarks>
/// A frame is 12 bytes of header and its text: the writer (1 byte, <see cref="LogStream"/>), flags (1 byte; bit 0: no line feed follows), Unix milliseconds (6 bytes) and
/// length of the text (4 bytes), numbers big-endian. What a step wrote is the texts one after the other, with a line feed after each that lacks bit 0.
/// Where bytes are missing a frame of <see cref="LogStream.System"/> says how many and why.
/// </remarks>
/// <param name="Stream">Who wrote it.</param>
/// <param name="At">When its last byte was read; whole milliseconds.</param>
/// <param name="Unterminated">True: no line feed follows; the line goes on in the next frame of the same writer, or its writer ended without one.</param>
/// <param name="Text">The bytes without the line feed, at most <see cref="MaxText"/>.</param>
public readonly record struct LogFrame(LogStream Stream, DateTimeOffset At, bool Unterminated, ReadOnlyMemory<byte> Text)
{
    /// <summary>Bytes before the text.</summary>
    public const int HeaderSize = 12;

    /// <summary>The longest text.</summary>
    public const int MaxText = 1024 * 1024;

    /// <summary>Bytes of the whole frame.</summary>
    public int Size => HeaderSize + Text.Length;

    /// <summary>Writes the frame.</summary>
    /// <returns>Bytes written.</returns>
    /// <exception cref="ArgumentException">The text is too long, or the space too small.</exception>
    public int Write(Span<byte> into)
    {
        if (Text.Length > MaxText || into.Length < Size)
        {
            throw new ArgumentException($"a frame of {Size} bytes does not fit", nameof(into));
        }

        Span<byte> time = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(time, At.ToUnixTimeMilliseconds());
        into[0] = (byte)Stream;
        into[1] = Unterminated ? (byte)1 : (byte)0;
        time[2..].CopyTo(into[2..]);
        BinaryPrimitives.WriteInt32BigEndian(into[8..], Text.Length);
        Text.Span.CopyTo(into[HeaderSize..]);
        return Size;
    }

    /// <summary>Reads the frame at the beginning.</summary>
    /// <param name="from">Bytes of a log from a frame's beginning.</param>
    /// <param name="frame">The frame; its text is a part of <paramref name="from"/>.</param>
    /// <returns>False if the frame is not complete yet.</returns>
    /// <exception cref="InvalidDataException">These bytes are no frame.</exception>
    public static bool TryRead(ReadOnlyMemory<byte> from, out LogFrame frame)
    {
        frame = default;
        var head = from.Span;
        if (head.Length < HeaderSize)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadInt32BigEndian(head[8..]);
        if (head[0] is < (byte)LogStream.Out or > (byte)LogStream.System || head[1] > 1 || length is < 0 or > MaxText)
        {
            throw new InvalidDataException("a log frame has a header that no version of BuildRunner writes");
        }

        if (head.Length < HeaderSize + length)
        {
            return false;
        }

        Span<byte> time = stackalloc byte[8];
        time.Clear();
        head[2..8].CopyTo(time[2..]);
        var milliseconds = BinaryPrimitives.ReadInt64BigEndian(time);
        if (milliseconds > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
        {
            throw new InvalidDataException("a log frame is of a time that is none");
        }

        var at = DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
        frame = new LogFrame((LogStream)head[0], at, head[1] == 1, from.Slice(HeaderSize, length));
        return true;
    }
}
