using System.Buffers;

namespace BuildRunner.Core.Logs;

/// <summary>Cuts a stream of bytes into lines. One per stream; not for several threads at once.</summary>
/// <param name="maxLine">Longer lines are cut into pieces of this many bytes.</param>
public sealed class LineSplitter(int maxLine = LineSplitter.DefaultMaxLine)
{
    /// <summary>64 KiB.</summary>
    public const int DefaultMaxLine = 64 * 1024;

    private readonly ArrayBufferWriter<byte> rest = new();

    /// <summary>True if a line was begun and has not ended.</summary>
    public bool HasRest => rest.WrittenCount > 0;

    /// <summary>Takes the next bytes and hands out each line that is complete, without its line feed, and without a carriage return before it.</summary>
    /// <param name="bytes">The next bytes, cut anywhere.</param>
    /// <param name="line">Receives each line; the memory is valid during the call only.</param>
    public async ValueTask AddAsync(ReadOnlyMemory<byte> bytes, Func<ReadOnlyMemory<byte>, ValueTask> line)
    {
        ArgumentNullException.ThrowIfNull(line);
        while (!bytes.IsEmpty)
        {
            var end = bytes.Span.IndexOf((byte)'\n');
            var part = end < 0 ? bytes : bytes[..end];
            var room = maxLine - rest.WrittenCount;
            if (part.Length > room)
            {
                rest.Write(part.Span[..room]);
                await FlushAsync(line);
                bytes = bytes[room..];
            }
            else if (end < 0)
            {
                rest.Write(part.Span);
                return;
            }
            else
            {
                await EmitAsync(part, line);
                bytes = bytes[(end + 1)..];
            }
        }
    }

    /// <summary>Hands out what was begun and has not ended.</summary>
    public async ValueTask FlushAsync(Func<ReadOnlyMemory<byte>, ValueTask> line)
    {
        ArgumentNullException.ThrowIfNull(line);
        if (HasRest)
        {
            await EmitAsync(ReadOnlyMemory<byte>.Empty, line);
        }
    }

    private async ValueTask EmitAsync(ReadOnlyMemory<byte> part, Func<ReadOnlyMemory<byte>, ValueTask> line)
    {
        if (HasRest)
        {
            rest.Write(part.Span);
            part = rest.WrittenMemory;
        }

        await line(part.Span.EndsWith("\r"u8) ? part[..^1] : part);
        rest.ResetWrittenCount();
    }
}
