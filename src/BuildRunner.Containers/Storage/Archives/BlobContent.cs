using BuildRunner.Containers.Engine;
using BuildRunner.Containers.Images;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Bytes that can be read from any place: a file, a stretch of one, or memory. May be read by several threads at once.</summary>
internal sealed class BlobContent : IDisposable
{
    private readonly SafeFileHandle? _file;
    private readonly byte[] _bytes = [];
    private readonly long _offset;
    private readonly bool _owned;

    private BlobContent(SafeFileHandle? file, byte[] bytes, long offset, long length, bool owned)
    {
        (_file, _bytes, _offset, _owned) = (file, bytes, offset, owned);
        Length = length;
    }

    /// <summary>How many bytes there are.</summary>
    public long Length { get; }

    /// <summary>A stretch of a file that somebody else closes.</summary>
    public static BlobContent Within(SafeFileHandle file, long offset, long length) => new(file, [], offset, length, owned: false);

    /// <summary>A whole file, closed with this object.</summary>
    public static BlobContent Of(SafeFileHandle file) => new(file, [], 0, RandomAccess.GetLength(file), owned: true);

    /// <summary>The same bytes, whose disposal changes nothing for this object.</summary>
    public BlobContent Borrow() => new(_file, _bytes, _offset, Length, owned: false);

    /// <summary>Bytes in memory.</summary>
    public static BlobContent Of(byte[] bytes) => new(null, bytes, 0, bytes.Length, owned: false);

    /// <summary>Reads from <paramref name="at"/>; 0 at the end.</summary>
    public int Read(Span<byte> buffer, long at)
    {
        var count = (int)Math.Min(buffer.Length, Math.Max(0, Length - at));
        if (_file is not null)
        {
            return count == 0 ? 0 : RandomAccess.Read(_file, buffer[..count], _offset + at);
        }

        _bytes.AsSpan((int)at, count).CopyTo(buffer);
        return count;
    }

    /// <summary>All bytes, of which there may be at most <paramref name="most"/>.</summary>
    /// <exception cref="ContainerException">There are more.</exception>
    public byte[] ReadAll(int most, string source)
    {
        if (Length > most)
        {
            throw ImageDocument.Corrupt(source, $"has {Length} bytes; at most {most} are allowed");
        }

        var bytes = new byte[Length];
        using var stream = ToStream();
        return stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length
            ? bytes
            : throw ImageDocument.Corrupt(source, "became shorter while it was read");
    }

    /// <summary>The bytes as a stream, which does not own them.</summary>
    public Stream ToStream() => new ContentStream(this);

    public void Dispose()
    {
        if (_owned)
        {
            _file?.Dispose();
        }
    }

    private sealed class ContentStream(BlobContent content) : ReadOnceStream
    {
        private long _at;

        /// <inheritdoc/>
        public override int Read(Span<byte> buffer)
        {
            var count = content.Read(buffer, _at);
            _at += count;
            return count;
        }
    }
}
