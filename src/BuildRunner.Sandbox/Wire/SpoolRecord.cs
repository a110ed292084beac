using System.Buffers.Binary;

namespace BuildRunner.Sandbox.Wire;

/// <summary>The header of a piece of output in a container's spool.</summary>
/// <param name="Stream">1 for standard output, 2 for standard error.</param>
/// <param name="Length">Bytes after the header.</param>
/// <param name="UnixMicroseconds">When it was read.</param>
internal readonly record struct SpoolRecord(byte Stream, int Length, long UnixMicroseconds)
{
    public const int HeaderLength = 13;

    /// <summary>A record with this bit in its stream says how many bytes of that stream are missing, in eight bytes, the lowest first.</summary>
    public const byte MissingFlag = 0x80;

    /// <summary>No record has more bytes after its header.</summary>
    public const int MaximumLength = 64 * 1024;

    public void WriteHeader(Span<byte> target)
    {
        target[0] = Stream;
        BinaryPrimitives.WriteInt32LittleEndian(target[1..], Length);
        BinaryPrimitives.WriteInt64LittleEndian(target[5..], UnixMicroseconds);
    }

    public static SpoolRecord ReadHeader(ReadOnlySpan<byte> source)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(source[1..]);
        return length is >= 0 and <= MaximumLength
            ? new SpoolRecord(source[0], length, BinaryPrimitives.ReadInt64LittleEndian(source[5..]))
            : throw new InvalidDataException("A record of the spool has an impossible length.");
    }
}
