using System.Security.Cryptography;
using BuildRunner.Containers.Images;

namespace BuildRunner.Containers.Storage;

/// <summary>Hashes and counts what is read through it, and stops at a bound.</summary>
internal sealed class HashingStream(Stream inner, long most) : ReadOnceStream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>How many bytes were read.</summary>
    public long BytesRead { get; private set; }

    /// <summary>The digest of what was read. Can be taken once, at the end.</summary>
    public Digest TakeDigest() => Digest.FromHash(_hash.GetHashAndReset());

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var count = inner.Read(buffer);
        BytesRead += count;
        if (BytesRead > most)
        {
            throw new Tar.TarFormatException($"it grows beyond {most} bytes when unpacked");
        }

        _hash.AppendData(buffer[..count]);
        return count;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _hash.Dispose();
        base.Dispose(disposing);
    }
}
