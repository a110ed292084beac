namespace BuildRunner.Server.Storage;

/// <summary>Ids that begin with the time, each higher than the one before it, also within one millisecond: what came first sorts first. Of several servers only the time compares.</summary>
internal sealed class RisingIds
{
    private const int MaxSequence = 0xFFF;
    private readonly Lock gate = new();
    private long last;
    private int sequence;

    /// <summary>The next one.</summary>
    public Guid Next(DateTimeOffset now)
    {
        Span<byte> bytes = stackalloc byte[16];
        lock (gate)
        {
            var milliseconds = now.ToUnixTimeMilliseconds();
            sequence = milliseconds > last ? 0 : sequence + 1;
            last = Math.Max(milliseconds, last);
            if (sequence > MaxSequence)
            {
                (last, sequence) = (last + 1, 0);
            }

            Guid.CreateVersion7(DateTimeOffset.FromUnixTimeMilliseconds(last)).TryWriteBytes(bytes, bigEndian: true, out _);
            bytes[6] = (byte)(0x70 | (sequence >> 8));
            bytes[7] = (byte)sequence;
        }

        return new Guid(bytes, bigEndian: true);
    }
}
