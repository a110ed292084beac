using System.Buffers.Binary;

namespace BuildRunner.Sandbox.Wire;

/// <summary>Where the pieces of a container's output lie in the spool that is kept of it. Whoever counts the same pieces in the same order comes to the same places.</summary>
/// <param name="room">Bytes of output that are kept; what is beyond is counted.</param>
internal sealed class SpoolCount(long room)
{
    private readonly long[] _missing = new long[3];
    private long _room = room;

    /// <summary>Where the next record begins.</summary>
    public long Position { get; private set; }

    /// <summary>Takes a piece on; how many of its bytes are kept. If there are none, it has no record.</summary>
    public int Take(byte stream, int length)
    {
        var kept = (int)Math.Min(length, _room);
        _room -= kept;
        _missing[stream] += length - kept;
        Position += kept > 0 ? SpoolRecord.HeaderLength + kept : 0;
        return kept;
    }

    /// <summary>The records that say what is missing, and that nothing more comes, to be written at <see cref="Position"/>.</summary>
    public byte[] End(long unixMicroseconds, SpoolCipher? cipher)
    {
        using var all = new MemoryStream();
        Span<byte> record = stackalloc byte[SpoolRecord.HeaderLength + sizeof(long)];
        for (byte stream = 1; stream <= 2; stream++)
        {
            if (_missing[stream] > 0)
            {
                new SpoolRecord((byte)(stream | SpoolRecord.MissingFlag), sizeof(long), unixMicroseconds).WriteHeader(record);
                BinaryPrimitives.WriteInt64LittleEndian(record[SpoolRecord.HeaderLength..], _missing[stream]);
                cipher?.Apply(Position + all.Length, record[SpoolRecord.HeaderLength..]);
                all.Write(record);
            }
        }

        new SpoolRecord(SpoolRecord.EndMark, 0, unixMicroseconds).WriteHeader(record);
        all.Write(record[..SpoolRecord.HeaderLength]);
        return all.ToArray();
    }
}
