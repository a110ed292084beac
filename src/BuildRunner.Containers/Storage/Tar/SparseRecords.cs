using System.Buffers.Text;
using System.Text;

namespace BuildRunner.Containers.Storage.Tar;

/// <summary>How GNU tar describes a file with holes in PAX records, in its three versions (GNU tar manual, "Storing Sparse Files").</summary>
internal sealed class SparseRecords
{
    private const int MostPieces = 65_536;
    private readonly List<SparsePiece> _pieces = [];
    private long? _offset;
    private bool _major1;

    /// <summary>The file's own name: the entry's is a made-up one.</summary>
    public byte[]? Name { get; private set; }

    /// <summary>The file's length with its holes; null if the file is not sparse.</summary>
    public long? FullSize { get; private set; }

    /// <summary>True if the list of pieces stands at the start of the content (version 1.0).</summary>
    public bool HasMapInContent => _major1 && FullSize is not null;

    /// <summary>Takes the record <c>GNU.sparse.KEY</c>.</summary>
    public void Set(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        switch (Encoding.ASCII.GetString(key))
        {
            case "major":
                _major1 = value.SequenceEqual("1"u8);
                break;
            case "name":
                Name = value.IsEmpty || value.Contains((byte)0) ? throw new TarFormatException("a sparse file's name is empty or holds a NUL") : value.ToArray();
                break;
            case "size" or "realsize":
                FullSize = TarNumber.ParseDecimal(value, "GNU.sparse.size");
                break;
            case "offset":
                _offset = TarNumber.ParseDecimal(value, "GNU.sparse.offset");
                break;
            case "numbytes":
                Add(_offset ?? throw Bad(), TarNumber.ParseDecimal(value, "GNU.sparse.numbytes"));
                _offset = null;
                break;
            case "map":
                SetMap(value);
                break;
        }
    }

    /// <summary>Takes pieces of the oldest form: pairs of numbers of twelve bytes each, up to an empty one.</summary>
    public void ReadTable(ReadOnlySpan<byte> table, long? fullSize)
    {
        FullSize = fullSize ?? FullSize;
        for (; !table.IsEmpty && table[0] != 0; table = table[24..])
        {
            Add(TarNumber.Parse(table[..12], "offset"), TarNumber.Parse(table[12..24], "numbytes"));
        }
    }

    /// <summary>Takes the list at the start of the content (version 1.0): decimal numbers, one a line, filled up to a whole block.</summary>
    public void ReadMap(TarReader reader, TarEntry entry)
    {
        var numbers = new MapLines(reader);
        var count = numbers.Next();
        for (long i = 0; i < count; i++)
        {
            Add(numbers.Next(), numbers.Next());
        }

        entry.Size -= numbers.BytesRead;
    }

    /// <summary>Completes the entry.</summary>
    /// <exception cref="TarFormatException">The pieces overlap, leave the file, or are not what the archive holds.</exception>
    public void ApplyTo(TarEntry entry)
    {
        entry.Name = Name ?? entry.Name;
        entry.FullSize = FullSize ?? entry.Size;
        entry.Pieces = _pieces;
        long end = 0;
        long sum = 0;
        foreach (var (offset, length) in _pieces)
        {
            if (offset < end || length < 0 || length > entry.FullSize - offset)
            {
                throw Bad();
            }

            end = offset + length;
            sum += length;
        }

        if (sum != entry.Size)
        {
            throw Bad();
        }
    }

    private void SetMap(ReadOnlySpan<byte> map)
    {
        _pieces.Clear();
        while (!map.IsEmpty)
        {
            Add(NextNumber(ref map), NextNumber(ref map));
        }
    }

    private static long NextNumber(ref ReadOnlySpan<byte> map)
    {
        if (!Utf8Parser.TryParse(map, out long number, out var used) || (used < map.Length && map[used] != ','))
        {
            throw Bad();
        }

        map = map[Math.Min(used + 1, map.Length)..];
        return number;
    }

    private void Add(long offset, long length)
    {
        if (_pieces.Count >= MostPieces)
        {
            throw new TarFormatException($"a sparse file has more than {MostPieces} pieces");
        }

        _pieces.Add(new SparsePiece(offset, length));
    }

    // Lines of a map in the content, which is read in whole blocks.
    private sealed class MapLines(TarReader reader)
    {
        private readonly byte[] _block = new byte[512];
        private int _at = 512;

        public long BytesRead { get; private set; }

        public long Next()
        {
            long number = 0;
            for (var digits = 0; ; digits++)
            {
                if (_at == _block.Length)
                {
                    reader.ReadExactly(_block);
                    BytesRead += _block.Length;
                    _at = 0;
                }

                var digit = _block[_at++];
                if (digit == '\n' && digits > 0)
                {
                    return number;
                }

                number = digit is >= (byte)'0' and <= (byte)'9' && digits < 18 ? (number * 10) + (digit - '0') : throw Bad();
            }
        }
    }

    private static TarFormatException Bad() => new("the list of pieces of a sparse file is wrong");
}
