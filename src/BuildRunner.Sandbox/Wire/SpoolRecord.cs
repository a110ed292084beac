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

    /// <summary>The stream of an empty record after which nothing comes: all that the container wrote is before it.</summary>
    public const byte EndMark = 0x40;

    /// <summary>No record has more bytes after its header.</summary>
    public const int MaximumLength = 64 * 1024;

    // The last microsecond of the year 9999.
    private const long LatestTime = 253_402_300_799_999_999;

    public void WriteHeader(Span<byte> target)
    {
        target[0] = Stream;
        BinaryPrimitives.WriteInt32LittleEndian(target[1..], Length);
        BinaryPrimitives.WriteInt64LittleEndian(target[5..], UnixMicroseconds);
    }

    public static SpoolRecord ReadHeader(ReadOnlySpan<byte> source) =>
        TryReadHeader(source, out var record) ? record : throw new InvalidDataException("A record of the spool has an impossible length, stream or time.");

    /// <summary>Reads a header; false if no record begins so.</summary>
    public static bool TryReadHeader(ReadOnlySpan<byte> source, out SpoolRecord record)
    {
        record = new SpoolRecord(source[0], BinaryPrimitives.ReadInt32LittleEndian(source[1..]), BinaryPrimitives.ReadInt64LittleEndian(source[5..]));
        return record.UnixMicroseconds is >= 0 and <= LatestTime && record.Stream switch
        {
            1 or 2 => record.Length is >= 0 and <= MaximumLength,
            1 | MissingFlag or 2 | MissingFlag => record.Length == sizeof(long),
            EndMark => record.Length == 0,
            _ => false,
        };
    }
}
