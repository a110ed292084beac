using System.Buffers;

namespace BuildRunner.Server.Webhooks;

/// <summary>Reads a request's body up to a limit, before anything is computed over it.</summary>
internal static class LimitedBody
{
    private const int FirstBuffer = 16 * 1024;

    /// <summary>The whole body; null if it is longer than <paramref name="limit"/>, in which case at most <paramref name="limit"/> + 1 bytes were read.</summary>
    /// <param name="body">The body.</param>
    /// <param name="declaredLength">What the sender says of its length; null: nothing.</param>
    /// <param name="limit">Bytes.</param>
    /// <param name="share">Where its memory is taken from; null is also the answer if there is none left.</param>
    /// <param name="cancellationToken">Gives up, as when the sender went away.</param>
    public static async Task<ReadOnlyMemory<byte>?> ReadAsync(Stream body, long? declaredLength, int limit, BodyBudget.Share share, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (declaredLength > limit)
            return null;
        // What is declared is not believed: memory grows with what arrives.
        var buffer = new ArrayBufferWriter<byte>(FirstBuffer);
        while (true)
        {
            var room = Math.Min(limit + 1 - buffer.WrittenCount, 256 * 1024);
            var memory = buffer.GetMemory(Math.Min(room, FirstBuffer));
            var count = await body.ReadAsync(memory[..Math.Min(memory.Length, room)], cancellationToken);
            if (count == 0)
                return buffer.WrittenMemory;
            if (!share.TryGrow(count))
                return null;
            buffer.Advance(count);
            if (buffer.WrittenCount > limit)
                return null;
        }
    }
}
