namespace BuildRunner.Containers.Storage.Tar;

/// <summary>Reads a tar archive from a stream: ustar, GNU and PAX, forward only, with bounded memory whatever the archive says.</summary>
/// <remarks>
/// <para>The class library's reader is not used: it holds an extended header of up to 2 GiB in memory, decodes names as text, and copies content
/// once more.</para>
/// <para>Links, devices, directories and pipes have no content, whatever their size field says.</para>
/// <para>Content that nobody reads is sought over where the stream can seek.</para>
/// </remarks>
internal sealed class TarReader(Stream archive)
{
    private const int Block = 512;

    /// <summary>What a long name or the extended header of one entry may take.</summary>
    public const int LongestExtension = 1 << 20;

    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(512 * Block);
    private readonly TarEntry _entry = new();
    private int _start;
    private int _end;
    private long _left;
    private int _padding;
    private long _taken;

    /// <summary>Where in the archive the next unread byte stands; after <see cref="Next"/>, where the entry's content begins.</summary>
    public long Position => _taken - (_end - _start);

    /// <summary>Goes to the next entry, over what is left of the last one's content.</summary>
    /// <returns>The entry, which the next call changes; null at the end of the archive.</returns>
    /// <exception cref="TarFormatException">The archive is damaged, cut off, or beyond a limit.</exception>
    public TarEntry? Next()
    {
        var pax = new PaxRecords();
        for (var extensions = 0; ; extensions++)
        {
            SkipContent();
            var header = NextHeader();
            if (header.IsEmpty)
            {
                return extensions == 0 ? null : throw new TarFormatException("it ends after an extended header");
            }

            if (extensions > 16)
            {
                throw new TarFormatException("an entry has more than 16 extended headers");
            }

            switch (TarHeader.Read(header, _entry))
            {
                case 'x':
                    pax.Read(ReadExtension(_entry.Size));
                    break;
                case 'L':
                    pax.Path = UpToNul(ReadExtension(_entry.Size));
                    break;
                case 'K':
                    pax.LinkPath = UpToNul(ReadExtension(_entry.Size));
                    break;
                case 'g' or 'V':
                    // Global headers carry comments (git archive); volume labels are no files.
                    Begin(_entry.Size);
                    break;
                case 'S':
                    ReadSparseTable(header, pax.Sparse);
                    Complete(pax);
                    return _entry;
                default:
                    Complete(pax);
                    return _entry;
            }
        }
    }

    /// <summary>The next piece of the entry's content, valid until the next call.</summary>
    /// <param name="most">How many bytes to take at most; above 0.</param>
    public ReadOnlySpan<byte> ReadContent(long most = long.MaxValue)
    {
        if (_left == 0)
        {
            throw new TarFormatException("an entry is shorter than it says");
        }

        if (_start == _end)
        {
            Fill();
        }

        var count = (int)Math.Min(Math.Min(_left, most), _end - _start);
        var piece = _buffer.AsSpan(_start, count);
        _start += count;
        _left -= count;
        return piece;
    }

    /// <summary>Fills <paramref name="block"/> with content.</summary>
    public void ReadExactly(Span<byte> block)
    {
        while (!block.IsEmpty)
        {
            var piece = ReadContent(block.Length);
            piece.CopyTo(block);
            block = block[piece.Length..];
        }
    }

    /// <summary>Reads what follows the archive's end mark, so that whoever hashes the stream sees all of it.</summary>
    public void Drain()
    {
        do
        {
            _start = _end = 0;
        }
        while (TryFill());
    }

    private void Complete(PaxRecords pax)
    {
        pax.ApplyTo(_entry);
        if (_entry.Name.Length == 0)
        {
            throw new TarFormatException("an entry has no name");
        }

        // What old archives write instead of the directory type.
        if (_entry.Type == TarEntryType.File && _entry.Name[^1] == '/')
        {
            _entry.Type = TarEntryType.Directory;
        }

        if (_entry.Type != TarEntryType.File)
        {
            _entry.Size = 0;
        }

        Begin(_entry.Size);
        _entry.FullSize = _entry.Size;
        if (pax.Sparse.FullSize is not null && _entry.Type == TarEntryType.File)
        {
            if (pax.Sparse.HasMapInContent)
            {
                pax.Sparse.ReadMap(this, _entry);
            }

            pax.Sparse.ApplyTo(_entry);
        }
    }

    // GNU's oldest form: four pieces in the header, 21 in each block after it.
    private void ReadSparseTable(ReadOnlySpan<byte> header, SparseRecords sparse)
    {
        sparse.ReadTable(header[386..482], TarNumber.Parse(header[483..495], "realsize"));
        var more = header[482] != 0;
        while (more)
        {
            var block = NextBlock();
            sparse.ReadTable(block[..504], null);
            more = block[504] != 0;
        }
    }

    // Where the content starts is where the headers end.
    private void Begin(long size)
    {
        _left = size >= 0 ? size : throw new TarFormatException("an entry has a negative size");
        _padding = (int)(-size & (Block - 1));
    }

    private void SkipContent()
    {
        SeekOver();
        while (_left > 0)
        {
            ReadContent();
        }

        // Some programs leave out the last entry's padding, and the end mark with it.
        while (_padding > 0 && (_start < _end || TryFill()))
        {
            var count = Math.Min(_padding, _end - _start);
            (_start, _padding) = (_start + count, _padding - count);
        }

        _padding = 0;
    }

    private void SeekOver()
    {
        var over = _left - (_end - _start);
        if (over <= 0 || !archive.CanSeek)
        {
            return;
        }

        if (archive.Length - archive.Position < over)
        {
            throw new TarFormatException("it is cut off");
        }

        archive.Seek(over, SeekOrigin.Current);
        _taken += over;
        (_start, _end, _left) = (0, 0, 0);
    }

    /// <summary>The next header; empty at the end: two blocks of zeros, or the end of the stream.</summary>
    private ReadOnlySpan<byte> NextHeader()
    {
        if (_start == _end && !TryFill())
        {
            return [];
        }

        var block = NextBlock();
        if (block.ContainsAnyExcept((byte)0))
        {
            return block;
        }

        if (_start == _end && !TryFill())
        {
            return [];
        }

        return NextBlock().ContainsAnyExcept((byte)0) ? throw new TarFormatException("a block of zeros stands between two entries") : [];
    }

    private ReadOnlySpan<byte> NextBlock()
    {
        while (_end - _start < Block)
        {
            Fill();
        }

        _start += Block;
        return _buffer.AsSpan(_start - Block, Block);
    }

    private byte[] ReadExtension(long size)
    {
        Begin(size is > 0 and <= LongestExtension ? size : throw new TarFormatException($"an extended header is empty or larger than {LongestExtension} bytes"));
        var text = new byte[size];
        ReadExactly(text);
        return text;
    }

    private void Fill()
    {
        if (!TryFill())
        {
            throw new TarFormatException("it is cut off");
        }
    }

    // Keeps what is not read yet: at most one block.
    private bool TryFill()
    {
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        _end -= _start;
        _start = 0;
        var count = archive.Read(_buffer, _end, _buffer.Length - _end);
        _end += count;
        _taken += count;
        return count > 0;
    }

    private static byte[] UpToNul(ReadOnlySpan<byte> name) => (name.IndexOf((byte)0) is var end and >= 0 ? name[..end] : name).ToArray();
}
