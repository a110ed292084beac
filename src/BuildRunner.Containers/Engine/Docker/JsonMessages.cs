using System.Text.Json;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>A row of JSON objects without anything between them: how engines tell what they are doing.</summary>
internal static class JsonMessages
{
    private const int LongestMessage = 16 << 20;

    /// <summary>Reads to the end.</summary>
    /// <exception cref="JsonException">What came is no JSON.</exception>
    public static async Task ReadAsync(Stream stream, Action<JsonElement> take, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        var (start, end) = (0, 0);
        while (true)
        {
            if (end == buffer.Length)
            {
                (start, end, buffer) = MakeRoom(buffer, start, end);
            }

            var count = await stream.ReadAsync(buffer.AsMemory(end), cancellationToken);
            if (count == 0)
            {
                return;
            }

            end += count;
            start += Take(buffer.AsSpan(start, end - start), take);
        }
    }

    private static (int Start, int End, byte[] Buffer) MakeRoom(byte[] buffer, int start, int end)
    {
        if (end - start >= LongestMessage)
        {
            throw new IOException("a message of the engine has no end");
        }

        var target = end - start > buffer.Length / 2 ? new byte[buffer.Length * 2] : buffer;
        buffer.AsSpan(start, end - start).CopyTo(target);
        return (0, end - start, target);
    }

    // Whole objects only; how many bytes they took.
    private static int Take(ReadOnlySpan<byte> bytes, Action<JsonElement> take)
    {
        var taken = 0;
        while (taken < bytes.Length)
        {
            var rest = bytes[taken..];
            var blanks = rest.Length - rest.TrimStart(" \r\n\t"u8).Length;
            if (blanks > 0)
            {
                taken += blanks;
                continue;
            }

            var reader = new Utf8JsonReader(rest, isFinalBlock: false, default);
            if (!JsonDocument.TryParseValue(ref reader, out var message))
            {
                return taken;
            }

            using (message)
            {
                if (message.RootElement.ValueKind == JsonValueKind.Object)
                {
                    take(message.RootElement);
                }
            }

            taken += (int)reader.BytesConsumed;
        }

        return taken;
    }
}
