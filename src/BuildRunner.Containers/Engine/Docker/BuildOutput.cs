using System.Text;
using System.Text.Json;

namespace BuildRunner.Containers.Engine.Docker;

/// <summary>Reads what a builder answers while it builds: a row of JSON objects, of the old builder's and Podman's kind or of BuildKit's.</summary>
internal sealed class BuildOutput(Action<string>? output)
{
    private const int LongestMessage = 16 << 20;

    private readonly BuildTrace _trace = new(output);
    private readonly StringBuilder _line = new();

    /// <summary>Why the build failed, in the builder's words; null if it did not.</summary>
    public string? Error { get; private set; }

    /// <summary>The id of what was built; null if the builder did not tell.</summary>
    public string? ImageId { get; private set; }

    /// <summary>Reads to the end.</summary>
    public async Task ReadAsync(Stream stream, CancellationToken cancellationToken)
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
                Flush();
                return;
            }

            end += count;
            start += Take(buffer.AsSpan(start, end - start));
        }
    }

    private static (int Start, int End, byte[] Buffer) MakeRoom(byte[] buffer, int start, int end)
    {
        if (end - start >= LongestMessage)
        {
            throw new IOException("a message of the builder has no end");
        }

        var target = end - start > buffer.Length / 2 ? new byte[buffer.Length * 2] : buffer;
        buffer.AsSpan(start, end - start).CopyTo(target);
        return (0, end - start, target);
    }

    // Whole objects only; how many bytes they took.
    private int Take(ReadOnlySpan<byte> bytes)
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
                Read(message.RootElement);
            }

            taken += (int)reader.BytesConsumed;
        }

        return taken;
    }

    private void Read(JsonElement message)
    {
        if (message.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        if (message.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.String)
        {
            Error ??= error.GetString();
        }

        if (message.TryGetProperty("stream", out var text) && text.ValueKind == JsonValueKind.String)
        {
            Print(text.GetString()!);
        }

        var id = message.TryGetProperty("id", out var kind) && kind.ValueKind == JsonValueKind.String ? kind.GetString() : null;
        if (!message.TryGetProperty("aux", out var more))
        {
            return;
        }

        if (more.ValueKind == JsonValueKind.String && id == "moby.buildkit.trace" && more.TryGetBytesFromBase64(out var trace))
        {
            _trace.Read(trace);
        }
        else if (more.ValueKind == JsonValueKind.Object && more.TryGetProperty("ID", out var built) && built.ValueKind == JsonValueKind.String)
        {
            ImageId = built.GetString();
        }
    }

    private void Print(string text)
    {
        _line.Append(text);
        for (var all = _line.ToString(); all.Contains('\n', StringComparison.Ordinal); all = _line.ToString())
        {
            var end = all.IndexOf('\n');
            output?.Invoke(all[..end].TrimEnd('\r'));
            _line.Remove(0, end + 1);
        }
    }

    private void Flush()
    {
        if (_line.Length > 0)
        {
            output?.Invoke(_line.ToString());
        }
    }
}
