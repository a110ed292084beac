using System.IO.Compression;
using BuildRunner.Containers.Images;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Makes files that have no name: they are gone when they are closed, however that comes.</summary>
/// <param name="folder">The disk that holds them.</param>
internal sealed class ScratchFiles(string folder)
{
    /// <summary>An empty file to read and write.</summary>
    public SafeFileHandle Create()
    {
        var path = Path.Combine(folder, $"archive.{Guid.NewGuid():N}");
        try
        {
            var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite);
            File.Delete(path);
            return file;
        }
        catch (IOException exception)
        {
            throw StorageErrors.Host(exception, "keep an archive", folder);
        }
    }

    /// <summary>A copy of a stream of at most <paramref name="most"/> bytes.</summary>
    public SafeFileHandle Copy(Stream from, long most, string subject) => Fill(file =>
    {
        var buffer = new byte[256 * 1024];
        for (long at = 0; from.Read(buffer) is var count and > 0; at += count)
        {
            if (at + count > most)
            {
                throw ImageDocument.Corrupt(subject, $"grows beyond {most} bytes");
            }

            Write(file, buffer.AsSpan(0, count), at);
        }
    });

    /// <summary>As <see cref="Copy"/>, of a stream that comes over a network.</summary>
    public async Task<SafeFileHandle> CopyAsync(Stream from, long most, string subject, CancellationToken cancellationToken)
    {
        var file = Create();
        try
        {
            var buffer = new byte[256 * 1024];
            long at = 0;
            for (int count; (count = await from.ReadAsync(buffer, cancellationToken)) > 0; at += count)
            {
                if (at + count > most)
                {
                    throw ImageDocument.Corrupt(subject, $"grows beyond {most} bytes");
                }

                Write(file, buffer.AsSpan(0, count), at);
            }

            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A copy of a file, packed with gzip.</summary>
    public SafeFileHandle Compress(SafeFileHandle from) => Fill(file =>
    {
        using var content = BlobContent.Within(from, 0, RandomAccess.GetLength(from));
        using var source = content.ToStream();
        using var target = new FileWriter(file, this);
        using var gzip = new GZipStream(target, CompressionLevel.Fastest);
        source.CopyTo(gzip, 256 * 1024);
    });

    /// <summary>A stream that writes to such a file from its start; it does not own it.</summary>
    public Stream OpenWrite(SafeFileHandle file) => new FileWriter(file, this);

    private SafeFileHandle Fill(Action<SafeFileHandle> fill)
    {
        var file = Create();
        try
        {
            fill(file);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long at)
    {
        try
        {
            RandomAccess.Write(file, bytes, at);
        }
        catch (IOException exception)
        {
            throw StorageErrors.Host(exception, "keep an archive", folder);
        }
    }

    private sealed class FileWriter(SafeFileHandle file, ScratchFiles owner) : WriteOnceStream
    {
        private long _at;

        /// <inheritdoc/>
        public override void Write(ReadOnlySpan<byte> buffer)
        {
            owner.Write(file, buffer, _at);
            _at += buffer.Length;
        }
    }
}
