using System.Security.Cryptography;

namespace BuildRunner.Containers.Storage;

/// <summary>Hashes what is written through it. Owns neither.</summary>
internal sealed class HashingWriter(Stream inner, IncrementalHash hash) : WriteOnceStream
{
    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        hash.AppendData(buffer);
        inner.Write(buffer);
    }

    /// <inheritdoc/>
    public override void Flush() => inner.Flush();
}
