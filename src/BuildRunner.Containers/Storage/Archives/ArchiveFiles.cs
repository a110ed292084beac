using System.Text;
using BuildRunner.Containers.Storage.Tar;
using Microsoft.Win32.SafeHandles;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>The files in a tar archive, found by one pass over its headers; of two with one name the last, as everywhere.</summary>
/// <remarks>Links (old versions of <c>docker save</c> write them) lead to other entries of the archive and nowhere else.</remarks>
internal sealed class ArchiveFiles : IImageFiles
{
    // An image archive has a few entries per layer. What has more is the file system of a machine, or an attack.
    private const int MostEntries = 65_536;
    private const int MostLinks = 8;

    private readonly SafeFileHandle _file;
    private readonly Dictionary<string, (long Offset, long Length, string? Target)> _entries = new(StringComparer.Ordinal);

    private ArchiveFiles(SafeFileHandle file) => _file = file;

    /// <summary>Reads the headers of an archive; takes over the file.</summary>
    /// <returns>The files; null if the archive has more entries than an archive of images has. Then the file stays open.</returns>
    /// <exception cref="TarFormatException">It is no archive, or a damaged one.</exception>
    public static ArchiveFiles? Read(SafeFileHandle file)
    {
        var files = new ArchiveFiles(file);
        using var stream = new SeekableContent(file);
        var reader = new TarReader(stream);
        for (var count = 0; reader.Next() is { } entry; count++)
        {
            if (count >= MostEntries)
            {
                return null;
            }

            if (Normalize(Encoding.UTF8.GetString(entry.Name)) is { Length: > 0 } name)
            {
                files.Add(name, entry, reader.Position);
            }
        }

        return files;
    }

    /// <summary>True if the archive has an entry of that name.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <inheritdoc/>
    public BlobContent? Find(string name)
    {
        var at = Normalize(name);
        for (var links = 0; at is not null && links <= MostLinks && _entries.TryGetValue(at, out var entry); links++)
        {
            if (entry.Target is null)
            {
                return BlobContent.Within(_file, entry.Offset, entry.Length);
            }

            at = entry.Target;
        }

        return null;
    }

    public void Dispose() => _file.Dispose();

    private void Add(string name, TarEntry entry, long offset)
    {
        switch (entry.Type)
        {
            case TarEntryType.File when entry.Pieces is null:
                _entries[name] = (offset, entry.Size, null);
                break;
            case TarEntryType.SymbolicLink:
                var folder = name.LastIndexOf('/') is var slash and >= 0 ? name[..(slash + 1)] : "";
                _entries[name] = (0, 0, Normalize(folder + Encoding.UTF8.GetString(entry.LinkName)) ?? "");
                break;
            case TarEntryType.HardLink:
                _entries[name] = (0, 0, Normalize(Encoding.UTF8.GetString(entry.LinkName)) ?? "");
                break;
        }
    }

    // Without empty parts, "." and ".."; null if it leaves the archive.
    private static string? Normalize(string name)
    {
        var parts = new List<string>();
        foreach (var part in name.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
            {
                if (parts.Count == 0)
                {
                    return null;
                }

                parts.RemoveAt(parts.Count - 1);
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    // Reads a file by position, so that its own position does not matter.
    private sealed class SeekableContent(SafeFileHandle file) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => true;

        public override bool CanWrite => false;

        public override long Length { get; } = RandomAccess.GetLength(file);

        public override long Position { get; set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = RandomAccess.Read(file, buffer.AsSpan(offset, count), Position);
            Position += read;
            return read;
        }

        public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
        {
            SeekOrigin.Begin => offset,
            SeekOrigin.Current => Position + offset,
            _ => Length + offset,
        };

        public override void Flush()
        {
        }

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
