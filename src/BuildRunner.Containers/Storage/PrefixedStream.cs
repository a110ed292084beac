namespace BuildRunner.Containers.Storage;

/// <summary>Gives bytes that were read already, then the rest of the stream, which it does not own.</summary>
internal sealed class PrefixedStream(ReadOnlyMemory<byte> start, Stream rest) : ReadOnceStream
{
    private ReadOnlyMemory<byte> _start = start;

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (_start.IsEmpty)
        {
            return rest.Read(buffer);
        }

        var count = Math.Min(buffer.Length, _start.Length);
        _start.Span[..count].CopyTo(buffer);
        _start = _start[count..];
        return count;
    }
}
